# One image for every process; the command chooses which. PostgreSQL and Valkey come from their own images.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/suifang \
 && /opt/suifang/bin/pip install --no-cache-dir --upgrade pip setuptools \
 && /opt/suifang/bin/pip install --no-cache-dir --requirement requirements.lock
COPY api api
COPY care care
COPY db db
COPY followup followup
COPY interop interop
COPY record record
COPY recordings recordings
COPY reports reports
COPY runtime runtime
COPY scheduler scheduler
COPY suifang suifang
COPY telephony telephony
COPY transcription transcription
COPY content content
RUN /opt/suifang/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
RUN /opt/suifang/bin/python -m api.contract > /openapi.json

FROM node:22-bookworm-slim AS console
WORKDIR /console
COPY console/package.json console/package-lock.json console/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY console ./
COPY --from=build /openapi.json ./openapi.json
RUN npx --no-install openapi-typescript openapi.json -o src/api/schema.d.ts && npm run build

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/suifang --shell /usr/sbin/nologin suifang
COPY --from=build /opt/suifang /opt/suifang
COPY --from=build /app /app
COPY --from=console /console/dist /app/console/dist
ENV PATH=/opt/suifang/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SUIFANG_STATE_DIR=/var/lib/suifang/state \
    SUIFANG_CONTENT_DIR=/app/content
WORKDIR /app
USER suifang
VOLUME /var/lib/suifang
ENTRYPOINT ["tini", "--", "suifang"]
CMD ["doctor"]
