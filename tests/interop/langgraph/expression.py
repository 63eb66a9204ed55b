# SPDX-License-Identifier: MIT
"""The expressions of graph files (docs/graph-file.md), read into a tree of lists that the drivers evaluate: an
implementation of its own, by the manual and not by our C code. parse(text) -> tree; evaluate(tree, names) -> value."""

import functools
import json
import math
import re


class Failed(Exception):
    """An expression that cannot be evaluated."""


TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+|\d+\.\d+(?:[eE][+-]?\d+)?|\d+)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<text>r?'''(?:[^\\]|\\.)*?'''|r?'(?:[^'\\]|\\.)*'|r?"(?:[^"\\]|\\.)*")"""
    r"""|(?P<sign>\|\||&&|[=!<>]=|[-+*/%<>!?:.,()\[\]{}]))""",
    re.S,
)
LEVELS = [["||"], ["&&"], ["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "%"]]
MACROS = {"all", "exists", "exists_one", "filter", "map"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


def tokens_of(text):
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise Failed("not an expression: " + text)
        found.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return found + [("end", "")]


def text_of(token):
    raw = token[0] == "r"
    body = token[1:] if raw else token
    body = body[3:-3] if body[:3] == "'''" else body[1:-1]
    if raw:
        return body
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), body)


class Parser:
    def __init__(self, text):
        self.tokens, self.at = tokens_of(text), 0

    def peek(self):
        return self.tokens[self.at][1] if self.tokens[self.at][0] != "text" else None

    def take(self, sign):
        if self.peek() != sign:
            return False
        self.at += 1
        return True

    def need(self, sign):
        if not self.take(sign):
            raise Failed("expected " + sign)

    def whole(self):
        condition = self.level(0)
        if not self.take("?"):
            return condition
        yes = self.whole()
        self.need(":")
        return ["if", condition, yes, self.whole()]

    def level(self, depth):
        if depth == len(LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while self.peek() in LEVELS[depth]:
            sign = self.tokens[self.at][1]
            self.at += 1
            left = ["op", sign, left, self.level(depth + 1)]
        return left

    def unary(self):
        if self.take("!"):
            return ["not", self.unary()]
        if self.take("-"):
            return ["negate", self.unary()]
        return self.postfix(self.primary())

    def listed(self, end, one):
        items = []
        while not self.take(end):
            items.append(one())
            if not self.take(","):
                self.need(end)
                break
        return items

    def postfix(self, value):
        while True:
            if self.take("."):
                name = self.tokens[self.at][1]
                self.at += 1
                if not self.take("("):
                    value = ["member", value, name]
                elif name in MACROS:
                    variable = self.tokens[self.at][1]
                    self.at += 1
                    self.need(",")
                    value = ["each", name, value, variable, self.listed(")", self.whole)]
                else:
                    value = ["call", name, [value] + self.listed(")", self.whole), True]
            elif self.take("["):
                value = ["index", value, self.whole()]
                self.need("]")
            else:
                return value

    def entry(self):
        key = self.whole()
        self.need(":")
        return [key, self.whole()]

    def primary(self):
        kind, token = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ["value", float(token) if re.search(r"\.", token) else int(token, 0)]
        if kind == "text":
            return ["value", text_of(token)]
        if kind == "name":
            if token in ("true", "false", "null"):
                return ["value", {"true": True, "false": False, "null": None}[token]]
            if self.take("("):
                return ["call", token, self.listed(")", self.whole), False]
            return ["name", token]
        if token == "(":
            inner = self.whole()
            self.need(")")
            return inner
        if token == "[":
            return ["list", self.listed("]", self.whole)]
        if token == "{":
            return ["map", self.listed("}", self.entry)]
        raise Failed("unexpected " + token)


@functools.lru_cache(maxsize=None)
def parse_text(text):
    parser = Parser(text)
    tree = parser.whole()
    if parser.tokens[parser.at][0] != "end":
        raise Failed("more than an expression: " + text)
    return tree


def parse(source):
    return parse_text(source) if isinstance(source, str) else ["value", source]


# ---- values ----


def kind(value):
    names = {bool: "bool", int: "int", float: "double", str: "string", list: "list", dict: "map", type(None): "null_type"}
    return names[type(value)]


def is_number(value):
    return kind(value) in ("int", "double")


def equal(a, b):
    if is_number(a) and is_number(b):
        return a == b
    if kind(a) != kind(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a == b


def comparable(a, b):
    if (is_number(a) and is_number(b)) or (kind(a) == kind(b) and kind(a) in ("string", "bool")):
        return True
    raise Failed("values that have no order")


def whole_division(a, b):
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def arithmetic(sign, a, b):
    if sign == "+" and kind(a) == kind(b) and kind(a) in ("string", "list"):
        return a + b
    if not is_number(a) or not is_number(b):
        raise Failed("not numbers")
    if sign in "/%" and b == 0 and kind(a) == kind(b) == "int":
        raise Failed("division by zero")
    if sign == "/":
        return whole_division(a, b) if kind(a) == kind(b) == "int" else a / b
    if sign == "%":
        return a - b * whole_division(a, b)
    return {"+": a.__add__, "-": a.__sub__, "*": a.__mul__}[sign](b) if kind(a) == kind(b) else eval(
        {"+": "a+b", "-": "a-b", "*": "a*b"}[sign], {"a": float(a), "b": float(b)})


def operate(sign, a, b):
    if sign in ("==", "!="):
        return equal(a, b) == (sign == "==")
    if sign == "in":
        return b.__contains__(a) if isinstance(b, dict) else any(equal(a, e) for e in b)
    if sign in ("<", "<=", ">", ">="):
        comparable(a, b)
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]
    return arithmetic(sign, a, b)


def text_form(value):
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value == math.floor(value):
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def extreme(values, better):
    best = values[0]
    for value in values[1:]:
        comparable(value, best)
        best = value if better(value, best) else best
    return best


FUNCTIONS = {
    "size": len,
    "type": kind,
    "string": text_form,
    "int": int,
    "double": float,
    "bool": lambda v: {"true": True, "false": False}[v] if isinstance(v, str) else v,
    "dyn": lambda v: v,
    "last": lambda l: l[-1],
    "min": lambda *a: extreme(a[0] if len(a) == 1 else a, lambda x, y: x < y),
    "max": lambda *a: extreme(a[0] if len(a) == 1 else a, lambda x, y: x > y),
    "join": lambda l, s: s.join(l),
    "contains": lambda a, b: b in a,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "matches": lambda a, p: re.search(p, a) is not None,
    "lowerAscii": str.lower,
    "upperAscii": str.upper,
    "trim": str.strip,
    "split": lambda a, s, *n: a.split(s, *[m - 1 for m in n]),
    "replace": str.replace,
    "substring": lambda a, b, *e: a[b : e[0] if e else None],
    "indexOf": str.find,
}


# ---- evaluation ----


def member(value, name):
    if isinstance(value, dict) and name in value:
        return value[name]
    raise Failed("no member " + str(name))


def index(value, at):
    if isinstance(value, dict):
        return member(value, at)
    if isinstance(value, list) and kind(at) == "int" and -len(value) <= at < len(value):
        return value[at]
    raise Failed("no such element")


def each(tree, names):
    _, macro, source, variable, bodies = tree
    items = evaluate(source, names)
    results = [[evaluate(body, {**names, variable: item}) for body in bodies] if len(bodies) == 1 or macro != "map"
               else map_filtered(bodies, {**names, variable: item}) for item in items]
    if macro == "map":
        return [r[-1] for r in results if r]
    if macro == "filter":
        return [item for item, r in zip(items, results) if r[0]]
    count = sum(1 for r in results if r[0])
    return {"all": count == len(results), "exists": count > 0, "exists_one": count == 1}[macro]


def map_filtered(bodies, names):
    return [evaluate(bodies[1], names)] if evaluate(bodies[0], names) else []


def both(tree, names):
    left = evaluate(tree[2], names)
    if not isinstance(left, bool):
        raise Failed("not a boolean")
    if left == (tree[1] == "||"):
        return left
    right = evaluate(tree[3], names)
    if not isinstance(right, bool):
        raise Failed("not a boolean")
    return right


def has(tree, names):
    if tree[0] not in ("member", "index"):
        return tree[0] == "name" and tree[1] in names
    try:
        holder = evaluate(tree[1], names)
    except Failed:
        return False
    key = tree[2] if tree[0] == "member" else evaluate(tree[2], names)
    return key in holder if isinstance(holder, dict) else isinstance(holder, list) and -len(holder) <= key < len(holder)


def call(tree, names):
    if tree[1] == "has":
        return has(tree[2][0], names)
    arguments = [evaluate(a, names) for a in tree[2]]
    try:
        return FUNCTIONS[tree[1]](*arguments)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise Failed(str(error)) from error


def evaluate(tree, names):
    head = tree[0]
    if head == "value":
        return tree[1]
    if head == "name":
        if tree[1] not in names:
            raise Failed("unknown name " + tree[1])
        return names[tree[1]]
    if head == "member":
        return member(evaluate(tree[1], names), tree[2])
    if head == "index":
        return index(evaluate(tree[1], names), evaluate(tree[2], names))
    if head == "list":
        return [evaluate(e, names) for e in tree[1]]
    if head == "map":
        return {evaluate(k, names): evaluate(v, names) for k, v in tree[1]}
    if head == "if":
        return evaluate(tree[2] if condition(tree[1], names) else tree[3], names)
    if head == "not":
        return not condition(tree[1], names)
    if head == "negate":
        return arithmetic("-", 0, evaluate(tree[1], names))
    if head == "call":
        return call(tree, names)
    if head == "each":
        return each(tree, names)
    if tree[1] in ("&&", "||"):
        return both(tree, names)
    return operate(tree[1], evaluate(tree[2], names), evaluate(tree[3], names))


def condition(tree, names):
    value = evaluate(tree, names)
    if not isinstance(value, bool):
        raise Failed("not a boolean")
    return value
