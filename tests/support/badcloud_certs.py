# SPDX-License-Identifier: Apache-2.0
"""Certificates for badcloud.py, good and bad, made with the openssl command in a temporary folder.

make(folder) returns {name: (certificate chain file, key file)}; folder/ca.pem is the authority that
a test trusts, and `pin(key)` the SPKI pin of a key.
"""
import base64
import hashlib
import os
import subprocess

NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


def openssl(*arguments):
    return subprocess.run(
        ["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ).stdout


def pin(key_file):
    der = openssl("pkey", "-in", key_file, "-pubout", "-outform", "DER")
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.made = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, subject, extensions, issuer=None, key="P-256", chain=()):
        """A certificate by `issuer` (itself when None) with a new key."""
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:" + key] if key.startswith("P-") else [key]
        command = ["req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", subject]
        for extension in extensions:
            command += ["-addext", extension]
        if issuer is not None:
            command += ["-CA", self.path(issuer + ".pem"), "-CAkey", self.path(issuer + ".key")]
        openssl(*command, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"))
        if chain:
            with open(self.path(name + ".pem"), "a") as out:
                for link in chain:
                    with open(self.path(link + ".pem")) as source:
                        out.write(source.read())
        self.made[name] = (self.path(name + ".pem"), self.path(name + ".key"))

    def authority(self, name, issuer=None):
        constraints = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
        self.issue(name, "/CN=badcloud " + name, constraints, issuer)

    def leaf(self, name, names=NAMES, issuer="ca", **options):
        extensions = ["basicConstraints=CA:FALSE"]
        if names:
            extensions.append("subjectAltName=" + names)
        self.issue(name, "/CN=localhost", extensions, issuer, **options)

    def dated(self, name, start, end):
        """A leaf with other dates than now; only `openssl ca` of version 3.0 can do that."""
        config = self.path("ca.cnf")
        with open(config, "w") as out:
            out.write(
                "[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\n"
                "default_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n"
                "[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\nsubjectAltName=%s\n"
                % (self.path("index.txt"), self.path("serial"), self.folder, NAMES)
            )
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as out:
            out.write("%02X\n" % (0x10 + len(self.made)))
        request = self.path(name + ".csr")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=localhost", "-keyout", self.path(name + ".key"), "-out", request)
        openssl("ca", "-batch", "-notext", "-config", config, "-cert", self.path("ca.pem"),
                "-keyfile", self.path("ca.key"), "-startdate", start, "-enddate", end,
                "-in", request, "-out", self.path(name + ".pem"))
        self.made[name] = (self.path(name + ".pem"), self.path(name + ".key"))


def make(folder):
    maker = Maker(folder)
    maker.authority("ca")
    maker.authority("other-ca")
    maker.authority("intermediate", "ca")
    maker.leaf("good")
    maker.leaf("rotated")  # the same names and authority, another key
    maker.leaf("wrong-host", "DNS:cloud.example.com")
    maker.leaf("no-names", "")  # only a common name
    maker.leaf("wildcard", "DNS:*.localhost")
    maker.leaf("other-authority", issuer="other-ca")
    maker.leaf("self-signed", issuer=None)
    maker.leaf("by-leaf", issuer="good", chain=["good"])  # its issuer is no authority
    maker.leaf("chained", issuer="intermediate", chain=["intermediate"])
    maker.leaf("chain-missing", issuer="intermediate")
    maker.leaf("weak-key", key="rsa:1024")
    maker.issue("client-only", "/CN=localhost",
                ["basicConstraints=CA:FALSE", "subjectAltName=" + NAMES,
                 "extendedKeyUsage=clientAuth"], "ca")
    maker.dated("expired", "200101000000Z", "200201000000Z")
    maker.dated("not-yet", "480101000000Z", "490101000000Z")
    return maker.made
