# fourkeys as a job that ends: docs/nightly.md says how to build it, and how to run it every night.

FROM python:3.11-slim AS build
ARG EXTRAS=bigquery,postgresql,mysql,app
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY sql sql
COPY dashboards dashboards
RUN python -m venv --without-pip /opt/fourkeys && \
    pip --python /opt/fourkeys install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]" && \
    find /opt/fourkeys -type d -name tests -prune -exec rm -r {} +

FROM python:3.11-slim
COPY --from=build /opt/fourkeys /opt/fourkeys
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin fourkeys && \
    install --directory --owner fourkeys --group fourkeys /data
ENV PATH=/opt/fourkeys/bin:$PATH
USER 10001
# The configuration, CSV files and a DuckDB warehouse: mount it, or they end with the container.
WORKDIR /data
ENTRYPOINT ["fourkeys"]
CMD ["run"]
