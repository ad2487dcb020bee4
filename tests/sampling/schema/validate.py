"""Whether JSON texts keep to schemas, by Python's jsonschema.

Reads lines {"schema": ..., "texts": [...]}, and prints a line for each text that does not keep to its schema.
"""
import decimal
import json
import sys

import jsonschema


def read(text):
    """As decimals, for which 0.3 is a multiple of 0.1."""
    return json.loads(text, parse_float=decimal.Decimal)


draft = jsonschema.Draft7Validator if sys.argv[2] == "draft7" else jsonschema.Draft202012Validator
count = 0
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        case = read(line)
        validator = draft(case["schema"])
        for text in case["texts"]:
            count += 1
            try:
                validator.validate(read(text))
            except (json.JSONDecodeError, jsonschema.ValidationError) as problem:
                print(json.dumps({"schema": str(case["schema"]), "text": text, "problem": str(problem).splitlines()[0]}))
print(json.dumps({"count": count}))
