# fraudray on Ray Serve and Ray Data: gateway, investigator, MCP tools, back-tests. CPU only, linux/amd64.
#
#   digest=$(docker buildx imagetools inspect python:3.11-slim-bookworm --format '{{.Manifest.Digest}}')
#   docker build -f kuberay/images/serve.Dockerfile --build-arg PYTHON_DIGEST=$digest \
#     --build-arg REVISION=$(git rev-parse HEAD) -t fraudray-serve .
#
# The digest has no default, so that what is built is what was looked at. It is that of the list of platforms, or of one.
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS builder
WORKDIR /src
COPY kuberay/images/install.sh kuberay/images/extras.sh kuberay/images/build.lock kuberay/images/serve.lock kuberay/images/
RUN kuberay/images/install.sh tools /opt/tools
RUN python3 -m venv --without-pip /opt/fraudray \
    && kuberay/images/install.sh packages serve /opt/fraudray/bin/python
COPY pyproject.toml README.md LICENSE ./
COPY fraudray fraudray
COPY tools tools
COPY deployments deployments
COPY batch batch
COPY ui ui
RUN kuberay/images/install.sh wheel /opt/wheel \
    && kuberay/images/install.sh add serve /opt/fraudray/bin/python /opt/wheel

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS serve
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fraudray-serve" \
      org.opencontainers.image.description="Decide, explain and investigate payment fraud: HTTP and MCP on Ray Serve, back-tests on Ray Data" \
      org.opencontainers.image.licenses="MIT-0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"
# KubeRay's readiness probe of workers with Serve is `bash -c "wget …"`. There is no init: KubeRay starts `ray start
# --block` from a shell, and the raylet waits for its own workers.
RUN apt-get update \
    && apt-get install -y --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 ray \
    && useradd --uid 1000 --gid ray --create-home --shell /bin/bash ray
COPY --from=builder /opt/fraudray /opt/fraudray
ENV PATH=/opt/fraudray/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RAY_USAGE_STATS_ENABLED=0
USER 1000:1000
WORKDIR /home/ray
CMD ["fraudray", "--help"]
