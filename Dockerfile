# The image of every process of docker-compose.yml; which process it is, is the command.
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app

COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY requirements-canvas-sync.txt ./
COPY services services
COPY shared shared
COPY lambdas lambdas
COPY local_stack local_stack
RUN python -m lambdas.package canvas_sync -o canvas_sync.zip \
    && python -m lambdas.package llm_analysis -o llm_analysis.zip \
    && useradd --system --uid 10001 unisync \
    && install -d -o unisync /run/unisync

USER unisync
CMD ["python", "-m", "services.api_gateway"]
