// The rules every app is judged by; an app's own ESLint configuration is never read.
import { createRequire } from "node:module";
import js from "@eslint/js";
import noUnsanitized from "eslint-plugin-no-unsanitized";
import react from "eslint-plugin-react";
import hooks from "eslint-plugin-react-hooks";
import security from "eslint-plugin-security";
import globals from "globals";

// TypeScript's parser takes longer to load than all the rest: only when a file asks for it.
const require = createRequire(import.meta.url);
const typescript = {
  meta: { name: "typescript-eslint/parser" },
  parseForESLint: (text, options) =>
    createRequire(require.resolve("typescript-eslint"))("@typescript-eslint/parser")
      .parseForESLint(text, options),
};

const SCRIPTS = ["**/*.{js,jsx,mjs,cjs}"];
const TYPED = ["**/*.{ts,tsx,mts,cts}"];

const securityRules = {
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-script-url": "error",
  "no-unsanitized/method": "error",
  "no-unsanitized/property": "error",
  "react/jsx-no-script-url": "error",
  "react/jsx-no-target-blank": "error",
  "react/no-danger": "error",
  ...Object.fromEntries(
    Object.keys(security.rules)
      .filter((rule) => rule !== "detect-object-injection") // fires on every a[b]
      .map((rule) => [`security/${rule}`, "error"]),
  ),
};

const qualityRules = {
  ...js.configs.recommended.rules,
  "array-callback-return": "warn",
  eqeqeq: ["warn", "smart"],
  "no-unused-vars": ["warn", { args: "after-used", caughtErrors: "none" }],
  "no-use-before-define": ["warn", { functions: false, classes: false }],
  "no-var": "warn",
  "prefer-const": "warn",
  "react/jsx-key": "warn",
  "react/jsx-no-duplicate-props": "error",
  "react/jsx-no-undef": "error",
  "react/jsx-uses-vars": "error",
  "react/no-children-prop": "warn",
  "react/no-direct-mutation-state": "error",
  "react/no-unescaped-entities": "warn",
  "react/no-unknown-property": "warn",
  "react-hooks/exhaustive-deps": "warn",
  "react-hooks/rules-of-hooks": "error",
};

const shared = {
  linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "off" },
  plugins: { "no-unsanitized": noUnsanitized, react, "react-hooks": hooks, security },
  settings: { react: { version: "18.3" } },
  rules: { ...qualityRules, ...securityRules },
};

// `module` first; what does not parse so is read as `commonjs`, then by the `typescript` parser.
const PASS = process.env.ASSAY_PASS ?? "module";

const languageOptions = {
  ecmaVersion: "latest",
  sourceType: PASS === "commonjs" ? "commonjs" : "module",
  globals: { ...globals.browser, ...globals.node, ...globals.jest },
  parserOptions: { ecmaFeatures: { jsx: true } },
};

const plain = PASS === "typescript" ? { ...languageOptions, parser: typescript } : languageOptions;

// What a component's markup uses is not seen in its script.
const SEEN_IN_PART = ["no-undef", "no-unused-vars", "no-unused-labels", "prefer-const",
  "no-useless-assignment", "react-hooks/rules-of-hooks", "react-hooks/exhaustive-deps",
  "no-self-assign", "no-use-before-define"];

export default [
  { files: SCRIPTS, ...shared, languageOptions: plain },
  { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs" } },
  {
    files: TYPED,
    ...shared,
    languageOptions: { ...languageOptions, parser: typescript },
    rules: { ...shared.rules, "no-undef": "off", "no-unused-vars": "off" }, // TypeScript's own job
  },
  { files: ["**/*.assay.*"], rules: Object.fromEntries(SEEN_IN_PART.map((rule) => [rule, "off"])) },
];
