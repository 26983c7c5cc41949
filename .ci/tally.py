#!/usr/bin/env python3
"""Reads `go test -json`, shows what matters of it and keeps the score of all runs in a file.

    go test -json ./... | tally.py FILE    show failures and one line a package, add the results to FILE
    tally.py --summary FILE                print the skipped tests and, as the last line, the score

A test counts once, by its package and name, however often it ran; its worst result holds. A package
that fails without a failing test (it does not build, it panics, it runs out of time) counts as one
failure. Lines that are not JSON pass through as they are.
"""

import json
import pathlib
import sys

WORST_LAST = ["pass", "skip", "fail"]


def load(path):
    return json.loads(path.read_text()) if path.exists() else {}


def note(results, package, test, action):
    key = f"{package} {test}"
    results[key] = max(results.get(key, "pass"), action, key=WORST_LAST.index)


def read(stream, results):
    """Takes the events of one run of `go test`."""
    output, failing = {}, set()
    for line in stream:
        try:
            event = json.loads(line)
            action = event["Action"]
        except (ValueError, TypeError, KeyError):
            print(line, end="", flush=True)
            continue
        # A build has no package of its own; its output comes under the import path.
        package = event.get("Package") or event.get("ImportPath", "")
        test = event.get("Test", "")
        if action in ("output", "build-output"):
            output.setdefault((package, test), []).append(event["Output"])
        elif action in WORST_LAST:
            finish(results, output, failing, package, test, action, event.get("Elapsed", 0))
        elif action == "build-fail":
            print("".join(output.pop((package, ""), [])), end="", flush=True)


def finish(results, output, failing, package, test, action, elapsed):
    """Notes the end of a test, or of a package where test is empty."""
    said = "".join(o for o in output.pop((package, test), []) if not o.startswith("=== "))
    if action == "fail" or action == "skip" and test:
        print(said, end="")
    if test:
        note(results, package, test, action)
        if action == "fail":
            failing.add(package)
        return
    if action == "fail" and package not in failing:
        note(results, package, "(the package itself)", "fail")
    if action != "skip":  # a package without tests
        print(f"{action}  {package}  {elapsed:.1f}s", flush=True)


def summarize(results):
    """Prints the skipped tests and the score; tells whether all is well."""
    by = {action: sorted(k for k, v in results.items() if v == action) for action in WORST_LAST}
    for key in by["skip"]:
        print(f"skipped, and nothing may be: {key}")
    for key in by["fail"]:
        print(f"failed: {key}")
    print(f"{len(by['pass'])} passed, {len(by['fail']) + len(by['skip'])} failed")
    return bool(by["pass"]) and not by["fail"] and not by["skip"]


def main(arguments):
    if arguments[:1] == ["--summary"]:
        return 0 if summarize(load(pathlib.Path(arguments[1]))) else 1
    path = pathlib.Path(arguments[0])
    results = load(path)
    read(sys.stdin, results)
    path.write_text(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
