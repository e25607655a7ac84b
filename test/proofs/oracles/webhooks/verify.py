"""What standardwebhooks says of each attempt: reads a list of {body, headers, secret}, prints a list of true and false."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def is_taken(body, headers, secret):
    try:
        Webhook(secret).verify(body.encode(), headers)
        return True
    except WebhookVerificationError:
        return False


print(json.dumps([is_taken(**attempt) for attempt in json.load(sys.stdin)]))
