# The AWS emulator of docker-compose.yml: apart from our own image, for it pins an older botocore.
FROM python:3.11-slim-bookworm

WORKDIR /app
COPY requirements-emulator.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-emulator.txt

CMD ["python", "-m", "ministack"]
