"""Runs in a client's own environment: calls it as told on standard input, and prints what happened."""

import json
import sys
import warnings

import huggingface_hub
from huggingface_hub import HfApi


def simple(value):
    """`value` as JSON can hold it: the parts that the tests look at."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, dict):
        return {str(key): simple(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [simple(one) for one in value]
    if hasattr(value, "__next__") or type(value).__name__ == "generator":
        return [simple(one) for one in value]
    if hasattr(value, "__dict__"):
        shown = {key: simple(one) for key, one in vars(value).items() if not key.startswith("_")}
        return shown | {"class": type(value).__name__}
    return str(value)


def call(name, arguments, options):
    """One call: of HfApi, of the package, or of its file system (`fs.…`)."""
    if name.startswith("fs."):
        return getattr(huggingface_hub.HfFileSystem(), name[3:])(*arguments, **options)
    if name == "read":
        with huggingface_hub.HfFileSystem().open(arguments[0], "rb") as file:
            file.seek(arguments[1])
            return file.read(arguments[2]).hex()
    owner = HfApi() if hasattr(HfApi, name) else huggingface_hub
    return getattr(owner, name)(*arguments, **options)


def main():
    warnings.simplefilter("ignore")
    said = []
    for name, arguments, options in json.load(sys.stdin):
        try:
            said.append({"value": simple(call(name, arguments, options))})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            chain, cause = [], error
            while cause is not None:
                chain.append(str(cause))
                cause = cause.__cause__ or cause.__context__
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said.append({"error": kinds[0], "kinds": kinds, "message": "\n".join(chain)})
    sys.stdout.write("\nSAID " + json.dumps(said) + "\n")


main()
