with

deployments as (

    select * from ${mart}.int_deployments

),

reverts as (

    select * from ${mart}.int_reverts

),

pull_requests as (

    select * from ${mart}.int_pull_requests_deployed

),

rollbacks as (

    select
        service,
        environment,
        deployment_id,
        'rollback' as rule

    from deployments
    where kind = 'rollback'

),

carried_reverts as (

    select
        service,
        environment,
        deployment_id,
        'revert' as rule

    from reverts
    where base != 'baseline'

),

hotfixes as (

    select
        pull_requests.service,
        pull_requests.environment,
        pull_requests.deployment_id,
        'hotfix' as rule

    from pull_requests
    where
        pull_requests.base != 'baseline'
        and (
            exists (
                select 1
                from unnest(pull_requests.labels) as label
                where lower(label) in unnest(${hotfix_labels})
            )
            or exists (
                select 1
                from unnest(${hotfix_branches}) as prefix
                where starts_with(pull_requests.head_ref, prefix)
            )
        )

),

causes as (

    select * from rollbacks
    union all
    select * from carried_reverts
    union all
    select * from hotfixes

)

select
    service,
    environment,
    deployment_id,
    string_agg(distinct rule, ',' order by rule) as rework_by

from causes
group by service, environment, deployment_id
