"""Checks that the OpenAPI documents in generated Swift files are valid OpenAPI 3.1. Usage: openapi_check.py FILE..."""

import json
import re
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

wrong = 0
for path in sys.argv[1:]:
    document = json.loads(re.search(r'document = #"""\n(.*?)\n\s*"""#', open(path).read(), re.S)[1])
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    schemas = document.get("components", {}).get("schemas", {})
    print(f"OpenAPI {document['openapi']}: {len(document['paths'])} paths, {len(schemas)} schemas, {len(errors)} errors")
    for error in errors[:10]:
        print(list(error.path), error.message[:300])
    wrong += len(errors)
sys.exit(1 if wrong else 0)
