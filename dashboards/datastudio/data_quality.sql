-- Table: what the figures could not use, or may be wrong about.
select
    severity,
    `check`,
    service,
    count,
    example

from ${mart}.data_quality
order by severity, `check`, service
