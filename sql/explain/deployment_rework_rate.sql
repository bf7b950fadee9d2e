-- Deployments of these days that are rollbacks, carry a revert, or carry a hotfix, over all deployments of these days.
select
    case
        when kind = 'redeployment' then 'no: redeployment'
        when is_rework then 'rework'
        else 'yes'
    end as counted,
    deployment_id,
    ref,
    kind,
    rework_by,
    deployed_at

from ${mart}.deployments
where
    service = ?
    and environment = '${environment}'
    and deployed_date >= ?
    and deployed_date < ?
order by is_rework desc, deployed_at, deployment_id
