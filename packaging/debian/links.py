#!/usr/bin/env python3
"""Replaces links of installed pages to files that are not installed by their text: links.py FOLDER"""
import pathlib
import re
import sys

# Code comes first, because `callbacks[i](context)` is no link.
CODE_OR_LINK = re.compile(r"```(?s:.*?)```|`[^`]*`|!?\[(?P<text>[^\[\]]+)\]\((?!https?:|#)(?P<path>[^)#\s]+)[^)\s]*\)")

for page in pathlib.Path(sys.argv[1]).rglob("*.md"):

    def installed(found):
        return found[0] if not found["path"] or (page.parent / found["path"]).exists() else found["text"]

    page.write_text(CODE_OR_LINK.sub(installed, page.read_text(encoding="utf-8")), encoding="utf-8")
