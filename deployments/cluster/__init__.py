"""`fraudray cluster`: KubeRay on EKS, its manifests checked, its state told and its cost counted."""
