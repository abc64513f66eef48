"""Hostile and malformed requests, in well-formed HTTP and in invalid HTTP."""

from itertools import product
from typing import NamedTuple

API = "/api/v1"
LONG = "a" * 50_000
# Values in place of a name, as written in a URL.
NAMES = ("..", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "..%5c..%5cwindows", "%00", "%ff%fe", "%0d%0aX-Evil:%201",
         "%F0%9F%98%80", "$(id)", "%7b%7b7*7%7d%7d", "'%20or%201=1--", "%3Cscript%3E", "-1", "%c0%ae%c0%ae", "nan",
         "con", ".", "%20", "%2f", "newest", "a/b", "~root", LONG)  # fmt: skip
PLACES = ("models/{}", "models/{}/card", "runs/{}", "runs/{}/metrics", "runs/{}/sheets", "runs/{}/sheets/{}.png",
          "runs/{}/video", "runs/{}/report", "runs/{}/events", "datasets/{}", "datasets/{}/sheet", "maps/{}/map.html",
          "datasets/{}/explore", "faces/{}.png", "training/{}", "{}", "docs/{}")  # fmt: skip
VALUES = ("nan", "inf", "-inf", "1e400", "-1", "0", "1e3", "9" * 5000, "0x10", "%00", "%ff", "", "true", "[]", "1.5",
          "null", "%D9%A1", LONG, "seed:7", "..%2f", "a:1", ":", "Smiling:9999", "Smiling:NaN", "-0",
          "18446744073709551616")  # fmt: skip
QUERIES = (
    "generate?{}={}",
    "edit?face=seed:1&{}={}",
    "datasets/drawn/sheet?{}={}",
    "watch?{}={}",
    "runs/x/metrics?{}={}",
)
FIELDS = ("seed", "count", "start", "truncation", "set", "format", "scale", "columns", "model", "digest", "face", "run",
          "kind", "having", "since", "most", "v")  # fmt: skip
ROUTES = ("edit", "describe", "encode", "refine", "analogy", "interpolate", "makeover", "neighbours", "runs",
          "runs/x/branch", "maps/x/place")  # fmt: skip
# Unusual and invalid JSON; each replaces every field, and the whole body.
PIECES = (b"NaN", b"-Infinity", b"1e400", b"9" * 5000, b"9" * 300, b"-0", b'"\\ud800"', b'"\\u0000"', b"[" * 50_000,
          b'{"a":' * 900 + b"1" + b"}" * 900, b"[]", b"{}", b"null", b'""', b"true", b"\xff", b"'x'", b"{", b"1 2",
          b'"' + b"a" * 150_000 + b'"', b"[" + b",".join([b'"seed:1"'] * 20_000) + b"]", b'["seed:1","seed:1"]',
          b'{"\\ud800":"x"}', b"{" + b",".join(b'"k%d":"x"' % n for n in range(15_000)) + b"}", b"//",
          b'"photo:' + b"A" * 22 + b'"', b'[{"Smiling":NaN}]', b'[{"Smiling":' + b"9" * 400 + b"}]",
          b'[{"\\ud800":"x"}]', b'[{"Smiling":1e308}]', b'"seed:999999999999999999:999999999:2"', b'"seed:1:0:2.9"',
          b'"seed:7:0:0"', b'"../../x"')  # fmt: skip
BODY_FIELDS = (b"face", b"faces", b"edits", b"model", b"strength", b"settings", b"name", b"scale", b"dataset", b"other")
HEADERS: tuple[dict[str, str], ...] = (
    {"Origin": "http://["}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "\xff://\xff"},
    {"Host": "["}, {"Host": "evil.example"}, {"Host": "a" * 9000}, {"Host": "127.0.0.1:99999999"},
    {"X-Session": LONG}, {"X-Session": "../../x"}, {"X-Session": "\xff" * 22}, {"Cookie": "a=b;" * 9000},
    {"Cookie": 'facesmith_session="\\'}, {"Cookie": "facesmith_token=\xff; =; ;;"}, {"X-Request-ID": "\xaa" * 20},
    {"Authorization": "Bearer \xff"}, {"Authorization": "Basic " + "A" * 9000}, {"If-None-Match": '"x",' * 9000},
    {"If-Modified-Since": "never"}, {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 9000, 2))},
    {"Range": "bytes=-"}, {"Range": "bytes=" + "9" * 5000 + "-"}, {"If-Range": "x", "Range": "bytes=0-1"},
    {"Last-Event-ID": "@" * 5000}, {"Accept": "*/*," * 9000}, {"Accept-Encoding": "x" * 9000}, {"Expect": "x"},
    {"Content-Encoding": "gzip"}, {"Content-Type": "application/json; charset=x"}, {"Upgrade": "h2c"},
    {"X-Forwarded-For": "1," * 9000}, {"X-Forwarded-Proto": "javascript"}, {"Content-Type": "\xff"},
    {"Access-Control-Request-Method": "X" * 900, "Origin": "http://evil.example"},
)  # fmt: skip
PAGE, UPLOAD = "GET / HTTP/1.1\r\nHost: HOST\r\n", "POST /api/v1/photos HTTP/1.1\r\nHost: HOST\r\n"
MALFORMED = (
    "GET /healthz HTTP/1.1\r\n\r\n", "GET /healthz\r\n\r\n", "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "PROPFIND / HTTP/1.1\r\nHost: HOST\r\n\r\n", "GET /\xff HTTP/1.1\r\nHost: HOST\r\n\r\n", "\0\1\2\3\r\n\r\n",
    "GET /healthz?\xff HTTP/1.1\r\nHost: HOST\r\n\r\n", "GET / HTTP/9.9\r\nHost: HOST\r\n\r\n", "\r\n" * 1000,
    "GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: HOST\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    PAGE + "X: " + "b" * 20_000_000, PAGE + "X: b\r\n" * 3_000_000, PAGE + "Host: evil\r\n\r\n", PAGE + " X: y\r\n\r\n",
    "GET / HTTP/1.1\nHost: HOST\n\n", UPLOAD + "Content-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nHost : HOST\r\n\r\n",
    UPLOAD + "Content-Length: " + "9" * 5000 + "\r\n\r\n", UPLOAD + "Transfer-Encoding: x,chunked\r\n\r\n0\r\n\r\n",
    UPLOAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    UPLOAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    UPLOAD + "Transfer-Encoding: chunked\r\n\r\nz\r\n\r\n",
    PAGE + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n", (PAGE + "\r\n") * 200,
)  # fmt: skip


class Request(NamedTuple):
    """A request; its ``path`` is sent without further encoding."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def requests() -> list[Request]:
    """Return well-formed requests; each response must be an error below 500 or a face."""
    paths = [place.replace("{}", name) for place, name in product(PLACES, NAMES)]
    paths += [query.format(*pair) for query in QUERIES for pair in product(FIELDS, VALUES)]
    result = [Request("GET", f"{API}/{path}", {}, b"") for path in paths]
    result += [Request("GET", f"/static/{name}", {}, b"") for name in NAMES]
    result += [Request("DELETE", f"{API}/photos/{name}", {}, b"") for name in NAMES]
    kind = {"Content-Type": "application/json"}
    for route, piece in product(ROUTES, PIECES):
        result.append(Request("POST", f"{API}/{route}", kind, piece))
        for field in BODY_FIELDS:
            start = b'{"face":"seed:1","a":"seed:1",' if field == b"other" else b'{"face":"seed:1","faces":["seed:1"],'
            result.append(Request("POST", f"{API}/{route}", kind, start + b'"' + field + b'":' + piece + b"}"))
    for headers in HEADERS:
        result.append(Request("POST", f"{API}/describe", kind | headers, b'{"face": "seed:1"}'))
        result.append(Request("GET", f"{API}/generate?model=drawn64&seed=1", headers, b""))
        result.append(Request("GET", "/static/app.js", headers, b""))
    methods = ("TRACE", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "M-SEARCH", "PURGE")
    return result + [
        Request(method, f"{API}/{path}", {}, b"") for method, path in product(methods, ("generate", "photos", "x"))
    ]


def malformed_requests(host: str) -> list[list[bytes]]:
    """Return invalid HTTP, each in the pieces in which it is sent."""
    whole = [text.replace("HOST", host).encode("latin-1") for text in MALFORMED]
    return [[data[place : place + 100_000] for place in range(0, len(data), 100_000)] for data in whole]
