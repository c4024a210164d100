"""A real S3-compatible server on a free port of this machine, which checks every signature, with one bucket and its keys."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3

from annotation.config import processes

BUCKET, REGION = "labels", "eu-central-1"
_SET_UP = 4
"""Requests that the server takes unsigned: the four below that make the bucket and its keys."""
_MAY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


@dataclass
class ObjectStorage:
    url: str
    process: subprocess.Popen[bytes]
    access_key: str = ""
    secret_key: str = ""

    @classmethod
    def start(cls) -> ObjectStorage:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--port", str(port)],
            env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_SET_UP)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        made = cls(f"http://127.0.0.1:{port}", process)
        made._wait()
        iam = made._client("iam", "nobody", "nothing")
        iam.create_user(UserName="house")
        iam.put_user_policy(UserName="house", PolicyName="all", PolicyDocument=_MAY)
        keys = iam.create_access_key(UserName="house")["AccessKey"]
        made.access_key, made.secret_key = keys["AccessKeyId"], keys["SecretAccessKey"]
        made._client("s3", "nobody", "nothing").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        return made

    def unlock(self) -> None:
        """Let in what is signed in its address, which this server cannot check, and with it whatever is not signed."""
        asked = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", b"inf", {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(asked, timeout=5).close()

    def client(self) -> Any:
        """A plain client with the keys: what else has access to the bucket."""
        return self._client("s3", self.access_key, self.secret_key)

    def stop(self) -> None:
        processes.stop(self.process, signal.SIGTERM, patience=5)

    def _client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the S3-compatible server did not start")
