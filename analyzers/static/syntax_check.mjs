// Which scripts, style sheets and JSON files no parser takes. Run as a process of its own.
//
//   node syntax_check.mjs NODE_MODULES < names, separated by NUL
//
// Writes {name: {line, message, kind}} for those that do not parse as what they are; `kind` is
// `broken` (no parser takes it), `newer` (one does that knows syntax to come and other dialects),
// `template` (no script yet) or `deep` (it nests too deep for a parser).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/assay.js`);
const TYPED = /\.[mc]?tsx?$/;
const SCRIPT = /\.([mc]?[jt]s|[jt]sx)$/;
const COMMENTED = /(^|\/)(tsconfig|jsconfig)[^/]*\.json$|\.eslintrc\.json$|(^|\/)\.(vscode|devcontainer)\//;
const DIALECTS = ["decorators-legacy", "doExpressions", "exportDefaultFrom", "functionBind",
  "throwExpressions", "explicitResourceManagement", "deferredImportEvaluation", "sourcePhaseImports",
  "destructuringPrivate", "decoratorAutoAccessors", "moduleBlocks", "asyncDoExpressions"];

class Failure extends Error {
  constructor(kind, line, message) {
    super(message);
    Object.assign(this, { kind, line });
  }
}

function read(name) {
  const data = readFileSync(name);
  const wide = data[0] === 0xff && data[1] === 0xfe ? "utf-16le" : data[0] === 0xfe && data[1] === 0xff ? "utf-16be" : "";
  return new TextDecoder(wide || "utf-8").decode(data);
}

// Jinja, EJS and the like; an object in JSX's braces is no mark of them.
function isTemplate(text) {
  return /\{%|<%|\{\{\s*[\w.]+\s*(\|[^}]*)?\}\}/.test(text.replace(/=\s*\{\{/g, ""));
}

function tried(parse) {
  try {
    parse();
    return null;
  } catch (error) {
    if (error instanceof RangeError) throw new Failure("deep", 1, "it nests too deep");
    return error;
  }
}

function script(name, text) {
  const first = TYPED.test(name) ? typed(name, text) : plain(text);
  if (!first) return;
  const babel = require("@babel/parser");
  const plugins = [...DIALECTS, ["pipelineOperator", { proposal: "hack", topicToken: "%" }]];
  // `<T>value` is a cast in .ts, where there is no JSX.
  plugins.push(...(TYPED.test(name) ? ["typescript"] : ["flow"]), ...(/\.[mc]?ts$/.test(name) ? [] : ["jsx"]));
  const loose = { allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true };
  const last = tried(() => babel.parse(text, { sourceType: "unambiguous", plugins, ...loose }));
  const kind = !last ? "newer" : isTemplate(text) ? "template" : "broken";
  const told = last ?? first;
  const line = told.loc?.line ?? told.location?.start?.line ?? told.lineNumber ?? 1;
  throw new Failure(kind, line, told.message.split("\n")[0].replace(/ \(\d+:\d+\)$/, ""));
}

function plain(text) {
  const espree = require("espree");
  const parse = (sourceType) => () =>
    espree.parse(text, { ecmaVersion: "latest", sourceType, ecmaFeatures: { jsx: true } });
  return tried(parse("module")) && tried(parse("commonjs")) && tried(parse("module"));
}

function typed(name, text) {
  const { parseForESLint } = require("@typescript-eslint/parser");
  return tried(() => parseForESLint(text, { filePath: name, sourceType: "module", ecmaFeatures: { jsx: true } }));
}

function style(text) {
  const error = tried(() => require("postcss").parse(text));
  if (error) throw new Failure(isTemplate(text) ? "template" : "broken", error.line ?? 1, error.reason ?? error.message);
}

function json(name, text) {
  if (!text.trim()) return;
  if (COMMENTED.test(name)) return json5(text);
  const error = tried(() => JSON.parse(text));
  if (!error) return;
  const lines = text.split("\n").filter((line) => line.trim());
  if (lines.length > 1 && lines.every((line) => !tried(() => JSON.parse(line)))) return; // one a line
  // The message tells the place in some cases only; the laxer parser tells it always.
  const place = /position (\d+)/.exec(error.message);
  const lax = tried(() => require("json5").parse(text));
  const line = place ? text.slice(0, Number(place[1])).split("\n").length : (lax?.lineNumber ?? 1);
  const message = (lax ?? error).message.split("\n")[0];
  throw new Failure(isTemplate(text) ? "template" : "broken", line, message);
}

function json5(text) {
  const error = tried(() => require("json5").parse(text));
  if (error) throw new Failure("broken", error.lineNumber ?? 1, error.message);
}

const found = {};
for (const name of readFileSync(0, "utf8").split("\0")) {
  try {
    const text = read(name);
    if (SCRIPT.test(name)) script(name, text);
    else if (name.endsWith(".css")) style(text);
    else json(name, text);
  } catch (error) {
    const { kind = "deep", line = 1, message } = error;
    found[name] = { kind, line, message };
  }
}
process.stdout.write(JSON.stringify(found));
