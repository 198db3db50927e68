"""Whether GPU nodes are fit to serve a model together: `python -m fraudray.deployments.preflight`, in one pod a node.

What a pod sees of its node, what its image holds, and an all-reduce between all GPUs that proves the path between the
nodes: right sums, over EFA, fast enough. It needs torch only for the last, and changes nothing.
"""
