#!/usr/bin/env python3
"""An endpoint that takes files by PUT, for the tests of delivery. Usage: put_server.py FOLDER

Prints its port; speaks TLS where FOLDER/tls.pem holds a certificate and its key. Files go to FOLDER/in, requests to FOLDER/log. It refuses
- what doesn't carry sig=s3cret in its query, or, below /s3/, the signature (AWS version 4) of the key "AKID:s3cret",
- the file whose number stands in FOLDER/refuse, in the middle of its body.
What comes to /moved/ is told to go elsewhere."""
import hashlib, hmac, http.server, os, ssl, sys, urllib.parse

folder = sys.argv[1]


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def is_signed(request, url):
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return False
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, day, region, service, end = said["Credential"].split("/")
    names = said["SignedHeaders"].split(";")
    values = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    digest = request.headers.get("x-amz-content-sha256", "")
    asked = "\n".join([request.command, url.path, url.query, values, ";".join(names), digest])
    scope = f"{day}/{region}/{service}/{end}"
    text = "\n".join([scheme, request.headers["x-amz-date"], scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = b"AWS4s3cret"
    for part in (day, region, service, end):
        key = keyed(key, part)
    return (key_id, service) == ("AKID", "s3") and hmac.compare_digest(keyed(key, text).hex(), said["Signature"])


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        url = urllib.parse.urlsplit(self.path)
        refuse = os.path.join(folder, "refuse")
        number = len(open(os.path.join(folder, "log")).readlines()) + 1
        with open(os.path.join(folder, "log"), "a") as log:
            log.write(url.path + "\n")
        size = int(self.headers["Content-Length"])
        if url.path.startswith("/moved/"):
            self.rfile.read(size)
            return self.answer(302, Location="/in/elsewhere")
        if not (is_signed(self, url) if url.path.startswith("/s3/") else url.query == "sig=s3cret"):
            self.rfile.read(size)
            return self.answer(403)
        digest = self.headers.get("x-amz-content-sha256")
        if os.path.exists(refuse) and number == int(open(refuse).read()):
            self.rfile.read(size // 2)
            self.close_connection = True
            return None
        body = self.rfile.read(size)
        if digest and digest != hashlib.sha256(body).hexdigest():
            return self.answer(400)
        path = os.path.join(folder, "in", url.path.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(body)
        return self.answer(201)

    def answer(self, code, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


open(os.path.join(folder, "log"), "w").close()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
if os.path.exists(os.path.join(folder, "tls.pem")):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(folder, "tls.pem"))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
