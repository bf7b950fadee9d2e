with

incidents as (

    select * from ${raw}.incidents

),

resources as (

    select
        resource,
        min(service) as service

    from ${raw}.service_resources
    where source = 'incidents'
    group by resource

)

select
    to_hex(md5(concat(incidents.source, '|', incidents.incident_id))) as incident_key,
    incidents.source,
    incidents.incident_id,
    coalesce(resources.service, 'unmapped') as service,
    incidents.service_key,

    incidents.title,
    incidents.kind,
    incidents.severity,
    incidents.url,
    nullif(incidents.deployment_id, '') as named_deployment,
    nullif(lower(incidents.cause_sha), '') as named_sha,

    coalesce(incidents.change_related, true) as is_change_related,
    coalesce(incidents.resolved_at < incidents.started_at, false) as is_dirty,

    incidents.started_at,
    if(incidents.resolved_at >= incidents.started_at, incidents.resolved_at, null) as resolved_at

from incidents
left join resources
    on incidents.service_key = resources.resource
