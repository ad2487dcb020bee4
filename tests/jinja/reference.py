"""What jinja2 renders, as transformers sets it up: for the cases of a file, and for COUNT that are made at random.

usage: reference.py CASES CONTEXT COUNT SEED
Writes a line of JSON for each: template, context, and the text, or null with the error.
"""
import datetime
import json
import random
import sys

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import CallBlock
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    def _support(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(0).strftime(form)


class Maker:
    """Templates at random: mostly of values that fit, sometimes not."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    def text(self, depth):
        if depth <= 0:
            return self.one("'a'", "''", "'Hello World'", "' x '", "'äöÜ ß'", "'a,b,c'", "s", "t", "u", "messages[0].content",
                            "'12'", "'1.5'", "'\\n'", "'a\\nb'")
        d = depth - 1
        return self.one(
            lambda: self.text(0),
            lambda: f"({self.text(d)} + {self.text(d)})",
            lambda: f"({self.any(d)} ~ {self.any(d)})",
            lambda: f"{self.text(d)}.{self.one('upper', 'lower', 'strip', 'title', 'capitalize', 'lstrip', 'rstrip', 'swapcase')}()",
            lambda: f"{self.text(d)}.{self.one('strip', 'lstrip', 'rstrip', 'removeprefix', 'removesuffix')}({self.text(0)})",
            lambda: f"{self.text(d)}.replace({self.text(0)}, {self.text(0)})",
            lambda: f"({self.text(d)} | {self.one('upper', 'lower', 'trim', 'title', 'capitalize', 'indent', 'e', 'reverse', 'string', 'first', 'last', 'indent(2, true)')})",
            lambda: f"({self.any(d)} | {self.one('string', 'tojson', 'tojson(indent=2)', 'tojson(sort_keys=true)', 'list | string')})",
            lambda: f"({self.list(d)} | join({self.text(0)}))",
            lambda: f"{self.text(0)}.join({self.list(d)})",
            lambda: f"{self.text(d)}[{self.bound()}:{self.bound()}{self.one('', ':' + self.bound(), ':-1')}]",
            lambda: f"{self.text(d)}[{self.number(0)}]",
            lambda: f"({self.text(d)} * {self.one('0', '2', '3', '-1')})",
            lambda: f"{self.text(d)}.{self.one('ljust', 'rjust', 'center', 'zfill')}({self.one('0', '5', '12')})",
            lambda: f"({self.one(chr(39) + '%s|%5s' + chr(39), chr(39) + '%r-%-4s' + chr(39))} % ({self.any(d)}, {self.any(d)}))",
            lambda: f"('{self.one('%d', '%5.2f', '%x', '%05d', '%+d', '%e', '%g', '%i')}' % {self.number(d)})",
            lambda: f"'{self.one('{}', '{0}', '{:>6}', '{:<6}|', '{:^7}')}'.format({self.text(d)})",
            lambda: f"'{self.one('{:5}', '{:.2f}', '{:,}', '{:03}', '{:+}', '{:e}', '{:g}')}'.format({self.number(d)})",
            lambda: f"({self.text(d)} if {self.any(d)} else {self.text(d)})",
        )

    def bound(self):
        return self.one("", "0", "1", "2", "-1", "-2", "5", "100", "-100")

    def number(self, depth):
        if depth <= 0:
            return self.one("0", "1", "2", "3", "-1", "7", "10", "n", "1.5", "0.1", "-2.5", "100", "1e20", "true", "false", "x")
        d = depth - 1
        return self.one(
            lambda: self.number(0),
            lambda: f"({self.number(d)} {self.one('+', '-', '*', '/', '//', '%')} {self.number(d)})",
            lambda: f"({self.number(d)} ** {self.one('0', '1', '2', '3', '-1')})",
            lambda: f"({self.any(d)} | length)",
            lambda: f"({self.any(d)} | {self.one('int', 'float', 'int(7)', 'float(2.5)')})",
            lambda: f"({self.number(d)} | {self.one('abs', 'round', 'round(1)', 'int', 'float', 'round(0, ' + repr('floor') + ')', 'round(1, ' + repr('ceil') + ')')})",
            lambda: f"({self.list(d)} | {self.one('sum', 'max', 'min', 'first', 'last', 'length')})",
            lambda: f"-{self.number(d)}",
            lambda: f"{self.text(d)}.{self.one('find', 'rfind', 'count', 'index')}({self.text(0)})",
            lambda: f"{self.list(d)}.{self.one('count', 'index')}({self.any(0)})",
        )

    def list(self, depth):
        if depth <= 0:
            return self.one("[]", "[1, 2, 3]", "['b', 'a', 'B']", "(1, 'x')", "range(4)", "range(5, 0, -2)", "l", "messages", "[[1, 2], [3, 4]]",
                            "[1.5, 2, true, none]")
        d = depth - 1
        return self.one(
            lambda: self.list(0),
            lambda: f"[{self.any(d)}, {self.any(d)}]",
            lambda: f"({self.any(d)}, {self.any(d)})",
            lambda: f"({self.list(d)} + {self.list(d)})",
            lambda: f"({self.list(d)} | {self.one('list', 'sort', 'sort(reverse=true)', 'unique | list', 'reverse | list', 'batch(2) | list', 'slice(2) | list', 'batch(2, 0) | list')})",
            lambda: f"({self.list(d)} | map({self.one(repr('string'), repr('upper'), repr('length'), repr('int'), 'attribute=' + repr('role'))}) | list)",
            lambda: f"({self.list(d)} | {self.one('select', 'reject')}({self.one('', repr('string'), repr('number'), repr('odd'), repr('in') + ', [1, 2]', repr('gt') + ', 1')}) | list)",
            lambda: f"(messages | {self.one('selectattr', 'rejectattr')}('role', 'equalto', {self.text(0)}) | map(attribute='content') | list)",
            lambda: f"{self.list(d)}[{self.bound()}:{self.bound()}{self.one('', ':2', ':-1')}]",
            lambda: f"{self.text(d)}.{self.one('split()', 'split(' + repr(',') + ')', 'split(' + repr('a') + ', 1)', 'rsplit(' + repr('a') + ', 1)', 'splitlines()', 'rsplit(none, 1)', 'split(none, 1)', 'partition(' + repr('b') + ')')}",
            lambda: f"({self.dict(d)}.{self.one('items', 'keys', 'values')}() | list)",
            lambda: f"({self.dict(d)} | {self.one('dictsort', 'list', 'items | list')})",
            lambda: f"({self.text(d)} | list)",
        )

    def dict(self, depth):
        if depth <= 0:
            return self.one("{}", "{'a': 1, 'b': [2]}", "d", "messages[0]", "{'b': 1, 'a': 2}", "{1: 'x', none: 2, 1.0: 'y'}")
        d = depth - 1
        return self.one(lambda: self.dict(0), lambda: f"{{{self.text(0)}: {self.any(d)}, {self.any(0)}: {self.any(d)}}}",
                        lambda: f"dict({self.dict(d)}, k={self.any(d)})")

    def truth(self, depth):
        d = depth - 1
        return self.one(
            lambda: f"({self.any(d)} {self.one('==', '!=', 'and', 'or', 'in', 'not in')} {self.any(d)})",
            lambda: f"({self.number(d)} {self.one('<', '<=', '>', '>=')} {self.number(d)})",
            lambda: f"({self.number(d)} < {self.number(d)} <= {self.number(d)})",
            lambda: f"({self.text(d)} {self.one('<', '>=', 'in', 'not in', '==')} {self.text(d)})",
            lambda: f"({self.list(d)} {self.one('<', '==', '>=')} {self.list(d)})",
            lambda: f"({self.any(d)} in {self.one(lambda: self.list(d), lambda: self.dict(d))})",
            lambda: f"(not {self.any(d)})",
            lambda: f"({self.any(d)} is {self.one('', 'not ')}{self.one('string', 'number', 'mapping', 'sequence', 'iterable', 'none', 'defined', 'undefined', 'boolean', 'integer', 'float', 'true', 'false', 'callable', 'lower', 'upper')})",
            lambda: f"({self.number(d)} is {self.one('odd', 'even', 'divisibleby 3', 'eq 1', 'gt(2)', 'in [1, 2]')})",
            lambda: f"{self.text(d)}.{self.one('startswith', 'endswith')}({self.one(lambda: self.text(0), '(' + repr('a') + ', ' + repr('H') + ')')})",
            lambda: f"{self.text(d)}.{self.one('isdigit', 'isalpha', 'isupper', 'islower', 'isspace', 'isalnum', 'istitle')}()",
        )

    def any(self, depth):
        if depth <= 0:
            return self.one(lambda: self.text(0), lambda: self.number(0), lambda: self.list(0), lambda: self.dict(0), "none", "missing", "true")
        kinds = (self.text, self.number, self.list, self.dict, self.truth)
        return self.one(
            *[lambda kind=kind: kind(depth) for kind in kinds],
            lambda: f"{self.dict(depth - 1)}{self.one('.a', '[' + repr('a') + ']', '.get(' + repr('b') + ')', '.get(' + repr('z') + ', 5)', '.role', '.nope')}",
            lambda: f"{self.list(depth - 1)}[{self.number(0)}]",
            lambda: f"({self.any(depth - 1)} | default({self.any(0)}{self.one('', ', true')}))",
        )

    def body(self, depth):
        blank = lambda: self.one("", "", " ", "\n", "  \n  ", "x ", "\n\n")
        dash = lambda: self.one("", "", "-")
        if depth <= 0:
            return blank() + self.one(lambda: f"{{{{{dash()} {self.any(1)} {dash()}}}}}", "text", "{{ loop.index }}", "{{ v }}", "{{ w }}", "{# c #}") + blank()
        d = depth - 1
        tag = lambda inner: f"{{%{dash()} {inner} {dash()}%}}"
        return blank() + self.one(
            lambda: self.body(d) + self.body(d),
            lambda: tag(f"if {self.any(2)}") + self.body(d) + tag(f"elif {self.any(1)}") + self.body(d) + tag("else") + self.body(d) + tag("endif"),
            lambda: tag(f"for v in {self.list(1)}") + self.body(d) + tag("else") + self.body(0) + tag("endfor"),
            lambda: tag(f"for v in {self.list(1)} if v {self.one('is string', 'is number', '!= 1')}") + self.body(d) + "{{ loop.last }}" + tag("endfor"),
            lambda: tag(f"for v, w in {self.dict(1)}.items()") + self.body(d) + tag("endfor"),
            lambda: tag(f"for v in {self.list(1)}") + tag(f"if {self.truth(1)}") + tag(self.one("break", "continue")) + tag("endif") + self.body(d) + tag("endfor"),
            lambda: tag(f"set v = {self.any(2)}") + self.body(d),
            lambda: tag("set w") + self.body(d) + tag("endset") + self.body(0),
            lambda: tag(f"macro m(v, w={self.any(1)})") + self.body(d) + tag("endmacro") + f"{{{{ m({self.any(1)}) }}}}",
            lambda: tag(f"with v = {self.any(1)}") + self.body(d) + tag("endwith"),
            lambda: tag(f"filter {self.one('upper', 'trim', 'indent(2)')}") + self.body(d) + tag("endfilter"),
            lambda: tag("set ns = namespace(a=1)") + tag(f"for v in {self.list(1)}") + tag("set ns.a = v") + self.body(d) + tag("endfor") + "{{ ns.a }}",
        ) + blank()

    def template(self):
        if self.random.random() < 0.6:
            return f"{{{{ {self.any(self.random.choice((1, 2, 3)))} }}}}"
        return self.body(self.random.choice((1, 2, 3)))


def render(template, context):
    try:
        text = environment.from_string(template).render(**context)
        text.encode()
        return {"text": text}
    except Exception as error:  # whatever it is, ours must fail too
        return {"text": None, "error": f"{type(error).__name__}: {error}"[:200]}


def main():
    cases, context_path, count, seed = sys.argv[1:]
    with open(cases, encoding="utf-8") as file:
        templates = [case.strip("\n") for case in file.read().split("\n=====\n")]
    with open(context_path, encoding="utf-8") as file:
        context = json.load(file)
    maker = Maker(int(seed))
    templates += [maker.template() for _ in range(int(count))]
    for template in templates:
        print(json.dumps({"template": template, **render(template, context)}))


main()
