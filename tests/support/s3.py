"""A server that speaks S3's and KMS's language on loopback, and can be taken away and brought back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from moto.server import ThreadedMotoServer

from recordings.object_store import Bucket

ACCESS_KEY, SECRET_KEY, REGION = "testing-access", "testing-secret", "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Where the server listens."""

    endpoint: str

    def bucket(self, name: str, *, prefix: str = "suifang/one", seconds: float = 5.0) -> Bucket:
        """A new bucket there."""
        self.client("s3").create_bucket(Bucket=name)
        return Bucket(
            name=name,
            prefix=prefix,
            endpoint=self.endpoint,
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            request_seconds=seconds,
            retry_seconds=seconds,
        )

    def wrapping_key(self) -> str:
        """The address of a new key in the key service."""
        made = self.client("kms").create_key()
        return f"aws-kms://{made['KeyMetadata']['Arn']}"

    def keys_in(self, bucket: str) -> list[str]:
        """The names of the objects in a bucket, as any other program sees them."""
        listed = self.client("s3").list_objects_v2(Bucket=bucket)
        return [each["Key"] for each in listed.get("Contents", [])]

    def client(self, service: str):  # type: ignore[no-untyped-def] # boto3 makes its classes while it runs
        """Amazon's own client of this server."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """The server, for as long as it is needed."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Cloud(endpoint=f"http://{host}:{port}")
    finally:
        server.stop()
