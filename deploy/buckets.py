"""Makes the buckets of S3 URLs, where they are missing: `python buckets.py s3://one/folder s3://two`."""

import sys
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

_NOWHERE = ("us-east-1", "aws-global")  # where S3 takes no constraint of a bucket's place


def make(urls: list[str]) -> list[str]:
    """The buckets that were made."""
    client = boto3.client("s3")
    wanted = dict.fromkeys(urlsplit(url).netloc for url in urls if url.startswith("s3://"))
    missing = [name for name in wanted if not _is_there(client, name)]
    region = client.meta.region_name
    place = {} if region in _NOWHERE else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    for name in missing:
        client.create_bucket(Bucket=name, **place)
    return missing


def _is_there(client: Any, name: str) -> bool:
    """Asked of each bucket alone: a user of some buckets may list none. One that is another's is told."""
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


if __name__ == "__main__":
    print("made", *make(sys.argv[1:]))
