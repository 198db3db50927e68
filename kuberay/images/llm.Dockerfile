# vLLM under Ray Serve on GPUs, over EFA between nodes; also the preflight and the model's copy from S3.
#
#   docker build -f kuberay/images/llm.Dockerfile --build-arg BASE_DIGEST=sha256:… --build-arg PYTHON_DIGEST=sha256:… \
#     --build-arg EFA_INSTALLER_VERSION=… --build-arg EFA_INSTALLER_SHA256=… \
#     --build-arg REVISION=$(git rev-parse HEAD) -t fraudray-llm .
#
# The base has Ray (the release that pyproject.toml names: 2.60.0), vLLM and torch for CUDA, on Python 3.11 or 3.12. Two
# that do:
#   rayproject/ray-llm:2.60.0-py312-cu130   Ray's own; without EFA, so name an installer. CUDA 13 wants driver 580 or
#                                           newer on the nodes; for older AMIs take the tag for CUDA 12.
#   AWS's deep learning container for vLLM, from the ECR of your region; it has EFA (leave EFA_INSTALLER_VERSION out), and
#                                           Ray only in some releases: the build says when it is another release.
# Between p4d nodes NCCL needs, in the image: libfabric 1.18 or newer, rdma-core, and NCCL's plugin for libfabric
# (aws-ofi-nccl). AWS's EFA installer brings all three: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-verify.html
# has its versions and how to check its signature; EFA_INSTALLER_SHA256 is the digest of the archive that you checked. The
# last step of this file fails where one of the three is missing; on the nodes `python -m
# fraudray.deployments.preflight` proves that NCCL uses them.
ARG BASE_IMAGE=rayproject/ray-llm:2.60.0-py312-cu130
ARG BASE_DIGEST
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS builder
WORKDIR /src
COPY kuberay/images/install.sh kuberay/images/extras.sh kuberay/images/build.lock kuberay/images/llm.lock kuberay/images/
RUN kuberay/images/install.sh tools /opt/tools
COPY pyproject.toml README.md LICENSE ./
COPY fraudray fraudray
COPY tools tools
COPY deployments deployments
COPY batch batch
COPY ui ui
RUN kuberay/images/install.sh wheel /opt/wheel

FROM ${BASE_IMAGE}@${BASE_DIGEST} AS llm
ARG BASE_IMAGE
ARG REVISION=unknown
ARG EFA_INSTALLER_VERSION=
ARG EFA_INSTALLER_SHA256=
LABEL org.opencontainers.image.title="fraudray-llm" \
      org.opencontainers.image.description="vLLM under Ray Serve for fraudray's investigations" \
      org.opencontainers.image.licenses="MIT-0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
USER 0
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# The flags are those of AWS's guide for containers: kernel modules and limits are the node's.
WORKDIR /tmp/efa
RUN if [ -n "${EFA_INSTALLER_VERSION}" ]; then \
      apt-get update \
      && apt-get install -y --no-install-recommends ca-certificates curl \
      && curl -fsSL --retry 3 -o efa.tar.gz "https://efa-installer.amazonaws.com/aws-efa-installer-${EFA_INSTALLER_VERSION}.tar.gz" \
      && echo "${EFA_INSTALLER_SHA256}  efa.tar.gz" | sha256sum --check --strict \
      && tar -xzf efa.tar.gz --strip-components=1 \
      && ./efa_installer.sh -y --skip-kmod --skip-limit-conf --no-verify \
      && ldconfig \
      && rm -rf /tmp/efa/* /var/lib/apt/lists/*; \
    fi
RUN --mount=type=bind,from=builder,source=/opt/tools,target=/opt/tools \
    --mount=type=bind,from=builder,source=/opt/wheel,target=/opt/wheel \
    --mount=type=bind,from=builder,source=/src,target=/src \
    /src/kuberay/images/install.sh beside llm "$(command -v python3)" /opt/wheel
ENV PATH=/opt/amazon/efa/bin:$PATH \
    LD_LIBRARY_PATH=/opt/amazon/ofi-nccl/lib/x86_64-linux-gnu:/opt/amazon/ofi-nccl/lib:/opt/amazon/efa/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    HF_HUB_OFFLINE=1 \
    VLLM_NO_USAGE_STATS=1 \
    DO_NOT_TRACK=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    PYTHONUNBUFFERED=1
RUN python3 -m fraudray.deployments.preflight --only image
# ray-llm has the user ray with this number; a base without one runs under the bare number, with / as its home.
USER 1000
WORKDIR /
CMD ["fraudray", "--help"]
