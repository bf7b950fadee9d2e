with

deployments as (

    select * from ${mart}.int_deployments

),

changes as (

    select
        service,
        environment,
        deployment_id,
        count(*) as changes

    from ${mart}.int_changes
    where quality = 'ok'
    group by service, environment, deployment_id

),

failures as (

    select * from ${mart}.int_failures

),

rework as (

    select * from ${mart}.int_rework

)

select
    deployments.service,
    deployments.owner,
    deployments.environment,
    deployments.deployment_id,
    deployments.external_id,
    deployments.repository,
    deployments.sha,
    deployments.previous_deployment_id,

    deployments.ref,
    deployments.url,
    deployments.kind,
    deployments.base,
    failures.failed_by,
    rework.rework_by,

    coalesce(changes.changes, 0) as changes,
    failures.recovery_hours,

    failures.deployment_id is not null as is_failed,
    rework.deployment_id is not null as is_rework,

    deployments.deployed_date,
    failures.recovered_date,

    deployments.started_at,
    deployments.deployed_at,
    failures.recovered_at

from deployments
left join changes
    on
        deployments.service = changes.service
        and deployments.environment = changes.environment
        and deployments.deployment_id = changes.deployment_id
left join failures
    on
        deployments.service = failures.service
        and deployments.environment = failures.environment
        and deployments.deployment_id = failures.deployment_id
left join rework
    on
        deployments.service = rework.service
        and deployments.environment = rework.environment
        and deployments.deployment_id = rework.deployment_id
