"""Judges SPDX documents with spdx-tools, the SPDX project's own validator.

Takes the paths of JSON files, and prints one JSON object: each path with the list of what spdx-tools says against it. An
empty list means that it is valid.
"""

import json
import sys

from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def objections(path):
    try:
        document = parse_file(path)
        return [message.validation_message for message in validate_full_spdx_document(document)]
    except SPDXParsingError as error:
        return error.get_messages()
    except Exception as error:  # noqa: BLE001 - it falls over many a malformed document: that is no acceptance
        return [f"{type(error).__name__}: {error}"]


json.dump({path: objections(path) for path in sys.argv[1:]}, sys.stdout)
