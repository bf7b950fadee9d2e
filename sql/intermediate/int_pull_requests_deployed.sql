with

deployment_commits as (

    select * from ${raw}.deployment_commits

),

deployments as (

    select * from ${mart}.int_deployments

),

pull_requests as (

    select * from ${mart}.int_pull_requests_merged

),

pull_requests_elsewhere as (

    select * from ${mart}.stg_pull_requests_elsewhere

)

select
    deployments.service,
    deployments.environment,
    deployments.deployment_id,
    deployments.base,
    deployments.position,
    pull_requests.repository,
    pull_requests.pull_request,

    pull_requests.url,
    pull_requests.head_ref,
    pull_requests.labels,

    deployments.deployed_at

from pull_requests
inner join deployment_commits
    on
        pull_requests.repository = deployment_commits.repository
        and pull_requests.merge_commit_sha = deployment_commits.sha
inner join deployments
    on
        deployment_commits.service = deployments.service
        and deployment_commits.environment = deployments.environment
        and deployment_commits.deployment_id = deployments.deployment_id
left join pull_requests_elsewhere
    on
        deployments.service = pull_requests_elsewhere.service
        and pull_requests.repository = pull_requests_elsewhere.repository
        and pull_requests.pull_request = pull_requests_elsewhere.pull_request
where pull_requests_elsewhere.service is null
