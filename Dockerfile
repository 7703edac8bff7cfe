# For Windows and Apple silicon, for which MXNet has no wheel.
#   docker build -t d2l_repro .
#   docker run --rm -v "$PWD/runs:/d2l_repro/runs" d2l_repro                     # make reproduce
#   docker run --rm -v "$PWD/data:/data" -e D2L_REPRO_DATA=/data d2l_repro make test    # installs pytest first
# The wheel for arm64 needs Arm libraries that are not on PyPI, so Apple silicon emulates amd64.
FROM --platform=linux/amd64 python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 libquadmath0 make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /d2l_repro
COPY . .
RUN make .venv/installed
CMD ["make", "reproduce"]
