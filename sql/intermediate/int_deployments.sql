with

deployments as (

    select * from ${mart}.stg_deployments

),

links as (

    select * from ${raw}.deployment_links

),

services as (

    select * from ${raw}.services

)

select
    deployments.service,
    services.owner,
    deployments.environment,
    deployments.deployment_id,
    deployments.external_id,
    links.repository,
    coalesce(links.sha, deployments.sha) as sha,
    last_value(if(links.kind = 'redeployment', null, deployments.deployment_id) ignore nulls) over (
        partition by deployments.service, deployments.environment, links.repository
        order by links.position
        rows between unbounded preceding and current row
    ) as original_deployment_id,
    links.previous_deployment_id,
    links.undoes_deployment_id,

    deployments.ref,
    deployments.url,
    links.kind,
    links.base,

    links.position,

    links.kind = 'redeployment' as is_redeployment,

    date(deployments.finished_at, '${timezone}') as deployed_date,

    coalesce(deployments.started_at, deployments.finished_at) as started_at,
    deployments.finished_at as deployed_at

from deployments
inner join links
    on
        deployments.service = links.service
        and deployments.environment = links.environment
        and deployments.deployment_id = links.deployment_id
inner join services
    on deployments.service = services.service
