"""Says which vllm an interpreter would import, and from which package it is, without importing it.

The one argument is the folder of the script that the interpreter would run, empty for none. The answer is one line of JSON
behind the mark that the caller looks for, as anything may be printed by what a site has Python do when it starts.
"""
import sys

if sys.argv[1] and sys.path and sys.path[0] == "":
    sys.path[0] = sys.argv[1]

import importlib.util
import json
import os
import re

PACKAGE = "vllm"


def read(*path):
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as f:
            return f.read(1 << 22)
    except OSError:
        return ""


def find():
    """The folder of the package; empty if there is none, or only a folder of that name that is no package."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        return ""
    return os.path.realpath(os.path.dirname(spec.origin))


def own_version(location):
    """What the package says of itself, in the file that a build writes."""
    for name in "_version.py", "version.py":
        m = re.search(
            r"""^(?:__version__\s*=\s*)?(?:version|__version__)\s*(?::\s*str\s*)?=\s*['"]([^'"\n]+)['"]""",
            read(location, name),
            re.MULTILINE,
        )
        if m:
            return m.group(1)
    return ""


def headers(directory):
    """Name and version, from the metadata's headers."""
    values = {}
    for line in (read(directory, "METADATA") or read(directory, "PKG-INFO")).splitlines():
        if not line.strip():
            break
        key, _, value = line.partition(":")
        values.setdefault(key.strip().lower(), value.strip())
    return values.get("name", ""), values.get("version", "")


def editable(directory):
    """The folder that an editable installation points to."""
    try:
        origin = json.loads(read(directory, "direct_url.json"))
        if origin["dir_info"]["editable"] and origin["url"].startswith("file://"):
            from urllib.parse import unquote, urlsplit

            return os.path.realpath(unquote(urlsplit(origin["url"]).path))
    except (ValueError, KeyError, TypeError):
        pass
    return ""


def distribution(folder, entry, site):
    """What an installed distribution says of the package; None if it has nothing to do with it."""
    directory = os.path.join(folder, entry)
    named = PACKAGE in entry.lower()
    has = PACKAGE in read(directory, "top_level.txt").split()
    # The list of files may be long, and is read only where it can matter.
    if not has and (named or (os.path.realpath(folder) == site and not os.path.exists(os.path.join(directory, "top_level.txt")))):
        has = ("\n" + read(directory, "RECORD")).find("\n" + PACKAGE + "/__init__.py,") >= 0
    target = editable(directory) if named or has else ""
    if not has and not target:
        return None
    name, version = headers(directory)
    return {"name": name, "version": version, "folder": os.path.realpath(folder), "has": has, "editable": target}


def tracing(entry):
    """The name of a distribution of OpenTelemetry, from that of its metadata folder."""
    name = entry.split("-", 1)[0].lower().replace("_", "-")
    return name if name.startswith("opentelemetry") else ""


def main():
    location = find()
    site = os.path.dirname(location)
    found, traces = [], []
    for folder in dict.fromkeys(p or os.curdir for p in sys.path):
        try:
            entries = sorted(os.listdir(folder))
        except OSError:
            continue
        for entry in entries:
            # pip leaves folders that begin with "~" when it could not remove an older version.
            if entry.startswith("~") or not entry.endswith((".dist-info", ".egg-info")):
                continue
            if tracing(entry):
                traces.append(tracing(entry))
            elif location:
                about = distribution(folder, entry, site)
                if about:
                    found.append(about)
    fork = "mean_running_bs" in read(location, "entrypoints", "openai", "protocol.py") if location else False
    print(
        "\nsqzb-installed:"
        + json.dumps(
            {
                "python": "%d.%d.%d" % sys.version_info[:3],
                "location": location,
                "own": own_version(location) if location else "",
                "distributions": found,
                "tracing": sorted(set(traces)),
                "fork": fork,
            }
        )
    )


main()
