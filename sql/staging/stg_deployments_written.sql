with

services as (

    select * from ${raw}.services
    where deployments_from = 'csv'

),

repositories as (

    select * from ${mart}.stg_repositories

),

renames as (

    select * from ${mart}.stg_renames

),

deployments as (

    select * from ${raw}.deployments
    where
        coalesce(status, 'succeeded') = 'succeeded'
        and coalesce(kind, 'deploy') in ('deploy', 'promote', 'rollback')
        and finished_at is not null

)

select
    services.service,
    coalesce(deployments.environment, 'production') as environment,
    coalesce(
        renames.repository, named.repository, deployments.repository, only_repositories.repository
    ) as repository,
    deployments.deployment_id,
    coalesce(deployments.external_id, deployments.deployment_id) as external_id,

    lower(deployments.sha) as sha,
    coalesce(deployments.kind, 'deploy') as declared_kind,

    deployments.started_at,
    deployments.finished_at

from services
inner join deployments
    on services.service = deployments.service
left join renames
    on deployments.repository = renames.earlier_repository
-- GitHub does not tell capitals in names apart
left join repositories as named
    on
        services.service = named.service
        and lower(deployments.repository) = lower(named.repository)
left join repositories as only_repositories
    on
        services.service = only_repositories.service
        and only_repositories.is_only
