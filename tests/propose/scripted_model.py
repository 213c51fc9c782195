"""A stand-in for the model's process: the same protocol, answers from a file.

    scripted_model.py SCRIPT.json

The script is a list of answers (text) or of {"do": ...}: "die" (by SIGSEGV), "hang", "garbage",
"error" with "kind" and "message", "cut" and "copy" with "text".  What it was asked goes to
SCRIPT.json.asked.
"""

import json
import os
import signal
import sys
import time


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def act(step: dict[str, str], index: int) -> None:
    if step["do"] == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if step["do"] == "hang":
        time.sleep(1000)
    if step["do"] == "garbage":
        print("llama_model_loader: loaded", flush=True)
    if step["do"] == "error":
        say(event="error", kind=step["kind"], message=step["message"])
    if step["do"] in ("cut", "copy"):
        finish = {"cut": "length", "copy": "copy"}[step["do"]]
        say(event="answer", index=index, seed=index, text=step["text"], finish=finish)


asked = sys.stdin.read()
with open(sys.argv[1] + ".asked", "w") as file:
    json.dump({"pid": os.getpid(), "request": json.loads(asked)}, file)
with open(sys.argv[1]) as file:
    script = json.load(file)
say(event="ready", sha256="0" * 64)
for number, item in enumerate(script):
    if isinstance(item, dict):
        act(item, number)
    else:
        say(event="answer", index=number, seed=number, text=item, finish="stop")
say(event="done")
