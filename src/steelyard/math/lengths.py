"""Lengths that batches are padded to: few, since every new shape costs a compilation somewhere."""

BUCKETS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def padded_length(longest: int, limit: int) -> int:
    """The next of some sixteen lengths (above 1,024: of 512s), never above `limit` unless `longest` is.

    Source: oneDNN caches 1,024 primitives, one a shape; a Transformer has a dozen shapes a length.
    """
    bucket = next((size for size in BUCKETS if size >= longest), -(-longest // 512) * 512)
    return max(longest, min(bucket, limit))
