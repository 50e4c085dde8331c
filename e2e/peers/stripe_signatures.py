"""Answers questions about webhook signatures with Stripe's official SDK.

Reads a JSON list from standard input, writes a JSON list:
    {"sign": BODY, "secret": S}                -> {"header": ..., "now": seconds}
    {"verify": BODY, "header": H, "secret": S} -> {"accepted": true | false}
"""

import json
import sys
import time

from stripe import SignatureVerificationError, WebhookSignature

TOLERANCE_SECONDS = 300


def sign(question):
    now = int(time.time())
    signed = f"{now}.{question['sign']}"
    digest = WebhookSignature._compute_signature(signed, question["secret"])
    return {"header": f"t={now},v1={digest}", "now": now}


def verify(question):
    try:
        WebhookSignature.verify_header(
            question["verify"], question["header"], question["secret"], TOLERANCE_SECONDS
        )
    except SignatureVerificationError:
        return {"accepted": False}
    return {"accepted": True}


answers = [sign(q) if "sign" in q else verify(q) for q in json.load(sys.stdin)]
json.dump(answers, sys.stdout)
