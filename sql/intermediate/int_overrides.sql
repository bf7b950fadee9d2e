with

overrides as (

    select * from ${mart}.stg_overrides

),

deployments as (

    select * from ${mart}.int_deployments

),

incidents as (

    select * from ${mart}.stg_incidents

)

select
    overrides.override_key,
    overrides.service,
    overrides.environment,
    deployments.original_deployment_id as deployment_id,
    incidents.incident_key,

    overrides.named_deployment,
    overrides.incident_id,
    overrides.reason,

    overrides.is_failed,
    (
        (overrides.named_deployment is null or deployments.deployment_id is not null)
        and (overrides.incident_id is null or incidents.incident_key is not null)
        and (overrides.named_deployment is not null or overrides.incident_id is not null)
    ) as is_matched,

    overrides.recovered_at

from overrides
left join deployments
    on
        overrides.service = deployments.service
        and overrides.environment = deployments.environment
        and (
            overrides.named_deployment = deployments.deployment_id
            or overrides.named_deployment = deployments.external_id
            or overrides.named_deployment = deployments.ref
        )
left join incidents
    on
        overrides.incident_id = incidents.incident_id
        and (overrides.source is null or overrides.source = incidents.source)
qualify
    row_number() over (
        partition by overrides.override_key
        order by
            if(overrides.named_deployment = deployments.deployment_id, 0, 1),
            deployments.position,
            if(overrides.service = incidents.service, 0, 1),
            incidents.source
    ) = 1
