"""A model's files from S3 onto a file system that all nodes share, once: `python -m fraudray.deployments.model_sync`.

    NAME/SHA256SUMS          what was copied, as `sha256sum --check` reads it
    NAME/.complete           written last: the digest of SHA256SUMS; without it the model is not to be used
    NAME/.lock               who is copying now: host, process, and by its age a sign of life
    NAME/.part/bytes/FILE    a file under construction
    NAME/.part/ranges/FILE   which of its ranges are there
    NAME/.part/verified      files that were put in their place by a run that did not end

A run goes on where one that was killed had stopped. Whole files appear in their place under their name, by a rename,
after their SHA-256 was read back from the file system.

The verb `upload` brings a model into S3 so that FSx for Lustre gives its folders to whoever copies into them.
"""
