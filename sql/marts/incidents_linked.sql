with

incidents as (

    select * from ${mart}.stg_incidents

),

links as (

    select * from ${mart}.int_incident_links

),

services as (

    select * from ${raw}.services

)

select
    incidents.source,
    incidents.incident_id,
    incidents.service,
    services.owner,
    links.deployment_id,
    links.linked_by,

    incidents.title,
    incidents.kind,
    incidents.severity,
    incidents.url,

    timestamp_diff(incidents.resolved_at, incidents.started_at, microsecond) / 3600000000 as restore_hours,

    incidents.is_change_related,
    incidents.is_dirty,

    date(incidents.started_at, '${timezone}') as started_date,
    date(incidents.resolved_at, '${timezone}') as resolved_date,

    incidents.started_at,
    incidents.resolved_at

from incidents
left join links
    on incidents.incident_key = links.incident_key
left join services
    on incidents.service = services.service
