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

-- people write empty texts, blanks and capitals
deployments as (

    select
        service,
        deployment_id,
        nullif(trim(external_id), '') as external_id,
        nullif(trim(environment), '') as environment,
        nullif(trim(repository), '') as repository,
        nullif(lower(trim(sha)), '') as sha,
        coalesce(nullif(lower(trim(kind)), ''), 'deploy') as declared_kind,
        coalesce(nullif(lower(trim(status)), ''), 'succeeded') as status,
        started_at,
        finished_at

    from ${raw}.deployments

)

select
    services.service,
    case
        when lower(deployments.environment) = lower('${environment}') then '${environment}'
        else coalesce(deployments.environment, 'production')
    end as environment,
    coalesce(
        renames.repository, named.repository, deployments.repository, only_repositories.repository
    ) as repository,
    deployments.deployment_id,
    coalesce(deployments.external_id, deployments.deployment_id) as external_id,

    deployments.sha,
    deployments.declared_kind,

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
where
    deployments.status = 'succeeded'
    and deployments.declared_kind in ('deploy', 'promote', 'rollback')
    and deployments.finished_at is not null
