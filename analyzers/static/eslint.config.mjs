// The rules every app is judged by; an app's own ESLint configuration is never read.
import Module, { createRequire } from "node:module";
import js from "@eslint/js";
import noUnsanitized from "eslint-plugin-no-unsanitized";
import react from "eslint-plugin-react";
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

// With the rules of hooks comes React's compiler, which takes as long to load as all the rest: only
// for a script that may call a hook, and what only the compiler needs when it asks for it.
const COMPILERS = new Set(["@babel/core", "@babel/parser", "hermes-parser"]);
let loaded;
function hookRules() {
  if (loaded) return loaded;
  const load = Module._load;
  Module._load = function (name, ...more) {
    if (!COMPILERS.has(name)) return load.call(this, name, ...more);
    let real;
    return new Proxy({}, { get: (_, key) => (real ??= load.call(this, name, ...more))[key] });
  };
  try {
    loaded = require("eslint-plugin-react-hooks").rules;
  } finally {
    Module._load = load;
  }
  return loaded;
}

// A hook is `use`, `useSomething`, or one of an object in capitals; a name may be written in escapes.
function mayCallHooks({ text, ast: { tokens } }) {
  if (/use[A-Z0-9]|\\u/.test(text)) return true;
  return text.includes("use") && tokens.some(({ value }, i) => {
    if (value !== "use") return false;
    return ![".", "?."].includes(tokens[i - 1]?.value) || /^[A-Z]/.test(tokens[i - 2]?.value);
  });
}

const lazily = (name) => ({
  meta: { hasSuggestions: true, fixable: "code", schema: false },
  create: (context) => (mayCallHooks(context.sourceCode) ? hookRules()[name].create(context) : {}),
});
const hooks = {
  rules: {
    "exhaustive-deps": lazily("exhaustive-deps"),
    "rules-of-hooks": lazily("rules-of-hooks"),
  },
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
