with

overrides as (

    select * from ${raw}.overrides

)

select
    to_hex(md5(concat(
        service, '|', coalesce(environment, ''), '|', coalesce(deployment_id, ''), '|',
        coalesce(source, ''), '|', coalesce(incident_id, '')
    ))) as override_key,
    service,
    coalesce(nullif(environment, ''), '${environment}') as environment,
    nullif(deployment_id, '') as named_deployment,
    nullif(source, '') as source,
    nullif(incident_id, '') as incident_id,

    reason,

    is_failed,

    recovered_at

from overrides
