"""Whether JSON texts keep to schemas, by Python's jsonschema.

Reads lines {"schema": ..., "texts": [...]}, and prints a line for each text that does not keep to its schema.
"""
import decimal
import json
import re
import sys

import jsonschema


def read(text):
    """As decimals, for which 0.3 is a multiple of 0.1."""
    return json.loads(text, parse_float=decimal.Decimal)


def as_python(schema):
    """With patterns that mean the same in Python, whose $ is also before a line's end, and whose \\w is any letter."""
    end = lambda pattern: "(?a)" + re.sub(r"(?<!\\)\$", r"\\Z", pattern)
    if isinstance(schema, list):
        return [as_python(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    python = {name: as_python(part) for name, part in schema.items()}
    if isinstance(python.get("pattern"), str):
        python["pattern"] = end(python["pattern"])
    if isinstance(python.get("patternProperties"), dict):
        python["patternProperties"] = {end(name): part for name, part in python["patternProperties"].items()}
    return python


decimal.getcontext().prec = 1000  # so that numbers with an exponent have multiples
draft = jsonschema.Draft7Validator if sys.argv[2] == "draft7" else jsonschema.Draft202012Validator
count = 0
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        case = read(line)
        validator = draft(as_python(case["schema"]))
        for text in case["texts"]:
            count += 1
            try:
                validator.validate(read(text))
            except (json.JSONDecodeError, jsonschema.ValidationError) as problem:
                what = str(problem).splitlines()[0]
                print(json.dumps({"schema": str(case["schema"]), "text": text, "problem": what}))
print(json.dumps({"count": count}))
