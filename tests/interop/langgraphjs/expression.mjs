// SPDX-License-Identifier: MIT
// The expressions of graph files (docs/graph-file.md), read into a tree of lists and evaluated, as expression.py beside does
// it in Python: an implementation of its own, by the manual and not by our C code. Whole and other numbers are told apart by
// their values only: JavaScript has one kind.

export class Failed extends Error {}

const TOKEN =
  /\s*(?:(?<number>0[xX][0-9a-fA-F]+|\d+\.\d+(?:[eE][+-]?\d+)?|\d+)|(?<text>r?'''(?:[^\\]|\\.)*?'''|r?'(?:[^'\\]|\\.)*'|r?"(?:[^"\\]|\\.)*")|(?<name>[A-Za-z_]\w*)|(?<sign>\|\||&&|[=!<>]=|[-+*/%<>!?:.,()[\]{}]))/sy;
const LEVELS = [["||"], ["&&"], ["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "%"]];
const MACROS = new Set(["all", "exists", "exists_one", "filter", "map"]);
const ESCAPES = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' };

function tokensOf(text) {
  const found = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new Failed("not an expression: " + text);
    const kind = ["number", "text", "name", "sign"].find((group) => match.groups[group] !== undefined);
    found.push([kind, match.groups[kind]]);
    at = TOKEN.lastIndex;
  }
  return [...found, ["end", ""]];
}

function textOf(token) {
  const raw = token[0] === "r";
  let body = raw ? token.slice(1) : token;
  body = body.startsWith("'''") ? body.slice(3, -3) : body.slice(1, -1);
  return raw ? body : body.replace(/\\(.)/gs, (_, c) => ESCAPES[c] ?? c);
}

class Parser {
  constructor(text) {
    this.tokens = tokensOf(text);
    this.at = 0;
  }

  next() {
    return this.tokens[this.at++];
  }

  peek() {
    const [kind, token] = this.tokens[this.at];
    return kind === "text" ? null : token;
  }

  take(sign) {
    if (this.peek() !== sign || this.tokens[this.at][0] === "end") return false;
    this.at++;
    return true;
  }

  need(sign) {
    if (!this.take(sign)) throw new Failed("expected " + sign);
  }

  whole() {
    const condition = this.level(0);
    if (!this.take("?")) return condition;
    const yes = this.whole();
    this.need(":");
    return ["if", condition, yes, this.whole()];
  }

  level(depth) {
    if (depth === LEVELS.length) return this.unary();
    let left = this.level(depth + 1);
    while (LEVELS[depth].includes(this.peek())) left = ["op", this.next()[1], left, this.level(depth + 1)];
    return left;
  }

  unary() {
    if (this.take("!")) return ["not", this.unary()];
    if (this.take("-")) return ["negate", this.unary()];
    return this.postfix(this.primary());
  }

  listed(end, one) {
    const items = [];
    while (!this.take(end)) {
      items.push(one());
      if (!this.take(",")) {
        this.need(end);
        break;
      }
    }
    return items;
  }

  wholes(end) {
    return this.listed(end, () => this.whole());
  }

  postfix(value) {
    for (;;) {
      if (this.take(".")) value = this.memberOf(value);
      else if (this.take("[")) {
        value = ["index", value, this.whole()];
        this.need("]");
      } else return value;
    }
  }

  memberOf(value) {
    const name = this.next()[1];
    if (!this.take("(")) return ["member", value, name];
    if (!MACROS.has(name)) return ["call", name, [value, ...this.wholes(")")]];
    const variable = this.next()[1];
    this.need(",");
    return ["each", name, value, variable, this.wholes(")")];
  }

  entry() {
    const key = this.whole();
    this.need(":");
    return [key, this.whole()];
  }

  primary() {
    const [kind, token] = this.next();
    if (kind === "number") return ["value", Number(token)];
    if (kind === "text") return ["value", textOf(token)];
    if (kind === "name") {
      if (["true", "false", "null"].includes(token)) return ["value", JSON.parse(token)];
      return this.take("(") ? ["call", token, this.wholes(")")] : ["name", token];
    }
    if (token === "(") {
      const inner = this.whole();
      this.need(")");
      return inner;
    }
    if (token === "[") return ["list", this.wholes("]")];
    if (token === "{") return ["map", this.listed("}", () => this.entry())];
    throw new Failed("unexpected " + token);
  }
}

const parsed = new Map();

export function parse(source) {
  if (typeof source !== "string") return ["value", source];
  if (!parsed.has(source)) {
    const parser = new Parser(source);
    const tree = parser.whole();
    if (parser.tokens[parser.at][0] !== "end") throw new Failed("more than an expression: " + source);
    parsed.set(source, tree);
  }
  return parsed.get(source);
}

// ---- values ----

export function kind(value) {
  if (value === null) return "null_type";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "double";
  return { boolean: "bool", string: "string", object: "map" }[typeof value];
}

const isMap = (value) => kind(value) === "map";
const has = (map, key) => Object.hasOwn(map, key);

export function equal(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((element, i) => equal(element, b[i]));
  if (!isMap(a) || !isMap(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => has(b, key) && equal(a[key], b[key]));
}

function needOrder(a, b) {
  if (typeof a !== typeof b || !["number", "string", "boolean"].includes(typeof a)) throw new Failed("values that have no order");
}

function arithmetic(sign, a, b) {
  if (sign === "+" && typeof a === "string" && typeof b === "string") return a + b;
  if (sign === "+" && Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (typeof a !== "number" || typeof b !== "number") throw new Failed("not numbers");
  const areWhole = Number.isInteger(a) && Number.isInteger(b);
  if ((sign === "/" || sign === "%") && areWhole && b === 0) throw new Failed("division by zero");
  if (sign === "/") return areWhole ? Math.trunc(a / b) + 0 : a / b;
  return { "+": a + b, "-": a - b, "*": a * b, "%": (a % b) + 0 }[sign];
}

function operate(sign, a, b) {
  if (sign === "==" || sign === "!=") return equal(a, b) === (sign === "==");
  if (sign === "in") return isMap(b) ? has(b, a) : b.some((element) => equal(a, element));
  if (!["<", "<=", ">", ">="].includes(sign)) return arithmetic(sign, a, b);
  needOrder(a, b);
  return { "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b }[sign];
}

export function extreme(values, isBetter) {
  return values.reduce((best, value) => {
    needOrder(value, best);
    return isBetter(value, best) ? value : best;
  });
}

function wholeNumber(value) {
  const number = typeof value === "string" && !/^\s*[-+]?\d+\s*$/.test(value) ? NaN : Math.trunc(Number(value));
  if (Number.isNaN(number)) throw new Failed("not a number");
  return number;
}

function splitText(text, separator, limit) {
  const parts = text.split(separator);
  if (limit === undefined || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}

function replaceText(text, old, put, limit) {
  const parts = splitText(text, old, limit === undefined ? undefined : limit + 1);
  return parts.join(put);
}

const FUNCTIONS = {
  size: (v) => (typeof v === "string" ? [...v].length : Array.isArray(v) ? v.length : Object.keys(v).length),
  type: kind,
  string: (v) => (typeof v === "string" ? v : JSON.stringify(v)),
  int: wholeNumber,
  double: Number,
  bool: (v) => (typeof v === "string" ? { true: true, false: false }[v] : v),
  dyn: (v) => v,
  last: (l) => l.at(-1),
  min: (...a) => extreme(a.length === 1 ? a[0] : a, (x, y) => x < y),
  max: (...a) => extreme(a.length === 1 ? a[0] : a, (x, y) => x > y),
  join: (l, separator) => l.join(separator),
  contains: (a, b) => a.includes(b),
  startsWith: (a, b) => a.startsWith(b),
  endsWith: (a, b) => a.endsWith(b),
  matches: (a, pattern) => new RegExp(pattern, "su").test(a),
  lowerAscii: (a) => a.toLowerCase(),
  upperAscii: (a) => a.toUpperCase(),
  trim: (a) => a.trim(),
  split: splitText,
  replace: replaceText,
  substring: (a, start, end) => [...a].slice(start, end).join(""),
  indexOf: (a, b) => a.indexOf(b),
};

// ---- evaluation ----

function member(value, name) {
  if (isMap(value) && has(value, name) && value[name] !== undefined) return value[name];
  throw new Failed("no member " + name);
}

function index(value, at) {
  if (isMap(value)) return member(value, at);
  if (Array.isArray(value) && Number.isInteger(at) && at >= -value.length && at < value.length) return value.at(at);
  throw new Failed("no such element");
}

function each([, macro, source, variable, bodies], names) {
  const listed = evaluate(source, names);
  const items = isMap(listed) ? Object.keys(listed) : listed;
  const inside = (item) => ({ ...names, [variable]: item });
  if (macro === "map" && bodies.length === 2)
    return items.filter((item) => condition(bodies[0], inside(item))).map((item) => evaluate(bodies[1], inside(item)));
  if (macro === "map") return items.map((item) => evaluate(bodies[0], inside(item)));
  const kept = items.filter((item) => condition(bodies[0], inside(item)));
  if (macro === "filter") return kept;
  return { all: kept.length === items.length, exists: kept.length > 0, exists_one: kept.length === 1 }[macro];
}

function isThere(tree, names) {
  if (tree[0] === "name") return has(names, tree[1]);
  if (tree[0] !== "member" && tree[0] !== "index") return false;
  try {
    const holder = evaluate(tree[1], names);
    index(holder, tree[0] === "member" ? tree[2] : evaluate(tree[2], names));
    return true;
  } catch (error) {
    if (error instanceof Failed) return false;
    throw error;
  }
}

function call([, name, given], names) {
  if (name === "has") return isThere(given[0], names);
  if (!has(FUNCTIONS, name)) throw new Failed("no function " + name);
  try {
    const came = FUNCTIONS[name](...given.map((tree) => evaluate(tree, names)));
    if (came === undefined) throw new Failed("nothing comes of " + name);
    return came;
  } catch (error) {
    throw error instanceof TypeError ? new Failed(error.message) : error;
  }
}

export function condition(tree, names) {
  const value = evaluate(tree, names);
  if (typeof value !== "boolean") throw new Failed("not a boolean");
  return value;
}

function named(name, names) {
  if (!has(names, name)) throw new Failed("unknown name " + name);
  return names[name];
}

export function evaluate(tree, names) {
  const [head, a, b, c] = tree;
  switch (head) {
    case "value":
      return a;
    case "name":
      return named(a, names);
    case "member":
      return member(evaluate(a, names), b);
    case "index":
      return index(evaluate(a, names), evaluate(b, names));
    case "list":
      return a.map((element) => evaluate(element, names));
    case "map":
      return Object.fromEntries(a.map(([key, value]) => [evaluate(key, names), evaluate(value, names)]));
    case "if":
      return evaluate(condition(a, names) ? b : c, names);
    case "not":
      return !condition(a, names);
    case "negate":
      return arithmetic("-", 0, evaluate(a, names));
    case "call":
      return call(tree, names);
    case "each":
      return each(tree, names);
  }
  if (a === "&&") return condition(b, names) && condition(c, names);
  if (a === "||") return condition(b, names) || condition(c, names);
  return operate(a, evaluate(b, names), evaluate(c, names));
}
