"""Makes the buckets of S3 URLs, where they are missing: `python buckets.py s3://one/folder s3://two`."""

import sys
from urllib.parse import urlsplit

import boto3


def make(urls: list[str]) -> list[str]:
    """The buckets that were made."""
    client = boto3.client("s3")
    there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    wanted = dict.fromkeys(urlsplit(url).netloc for url in urls if url.startswith("s3://"))
    missing = [name for name in wanted if name not in there]
    for name in missing:
        client.create_bucket(Bucket=name)
    return missing


if __name__ == "__main__":
    print("made", *make(sys.argv[1:]))
