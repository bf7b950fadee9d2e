-- Deployments of the service to the environment, by the local day on which they were live.
-- A deployment of the commit that was live already is a redeployment and is not counted.
select
    if(kind = 'redeployment', 'no: redeployment', 'yes') as counted,
    deployment_id,
    ref,
    kind,
    repository,
    substr(sha, 1, 10) as sha,
    previous_deployment_id,
    changes,
    deployed_date,
    deployed_at

from ${mart}.deployments
where
    service = ?
    and environment = '${environment}'
    and deployed_date >= ?
    and deployed_date < ?
order by deployed_at, deployment_id
