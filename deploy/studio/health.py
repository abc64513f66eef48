"""Whether the studio of this container lives, for HEALTHCHECK: it does where the exit code is 0."""

import http.client
import os
import ssl
import sys

port = int(os.environ.get("FACESMITH_STUDIO_PORT") or 8000)
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
if os.environ.get("FACESMITH_STUDIO_CERTFILE"):
    own = ssl.create_default_context()  # the certificate is for the name that visitors use, and this one is not told it
    own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=4, context=own)
connection.request("GET", "/healthz")
sys.exit(connection.getresponse().status != 200)
