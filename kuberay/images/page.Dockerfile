# The analysts' page by itself: a client of the HTTP API, without Ray and without a store. linux/amd64.
#
#   digest=$(docker buildx imagetools inspect python:3.11-slim-bookworm --format '{{.Manifest.Digest}}')
#   docker build -f kuberay/images/page.Dockerfile --build-arg PYTHON_DIGEST=$digest \
#     --build-arg REVISION=$(git rev-parse HEAD) -t fraudray-page .
#   docker run -p 7860:7860 fraudray-page --api https://fraud.example.com --allow-host localhost:7860
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS builder
WORKDIR /src
COPY kuberay/images/install.sh kuberay/images/extras.sh kuberay/images/build.lock kuberay/images/page.lock kuberay/images/
RUN kuberay/images/install.sh tools /opt/tools
RUN python3 -m venv --without-pip /opt/fraudray \
    && kuberay/images/install.sh packages page /opt/fraudray/bin/python
COPY pyproject.toml README.md LICENSE ./
COPY fraudray fraudray
COPY tools tools
COPY deployments deployments
COPY batch batch
COPY ui ui
RUN kuberay/images/install.sh wheel /opt/wheel \
    && kuberay/images/install.sh add page /opt/fraudray/bin/python /opt/wheel

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS page
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fraudray-page" \
      org.opencontainers.image.description="The analysts' page of fraudray" \
      org.opencontainers.image.licenses="MIT-0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"
RUN groupadd --gid 1000 page \
    && useradd --uid 1000 --gid page --create-home --shell /usr/sbin/nologin page
COPY --from=builder /opt/fraudray /opt/fraudray
ENV PATH=/opt/fraudray/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
WORKDIR /home/page
EXPOSE 7860
# For an engine without Kubernetes, which has probes of its own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/page/healthz', timeout=4)"]
ENTRYPOINT ["fraudray", "page", "--host", "0.0.0.0", "--port", "7860"]
