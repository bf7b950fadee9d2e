-- Failed deployments over deployments of these days. A deployment failed if an incident names it or began soon after it,
-- if it is the first that a rollback undid, if a later one reverts a pull request of it, if its requests failed, or if
-- somebody marked it. It counts once.
select
    case
        when deployments.kind = 'redeployment' then 'no: redeployment'
        when deployments.is_failed then 'failed'
        else 'yes'
    end as counted,
    deployments.deployment_id,
    deployments.ref,
    deployments.kind,
    deployments.failed_by,
    incidents.incidents,
    deployments.deployed_at,
    deployments.recovered_at

from ${mart}.deployments as deployments
left join (
    select
        service,
        deployment_id,
        string_agg(concat(incident_id, ' by ', linked_by), ', ' order by incident_id) as incidents

    from ${mart}.incidents_linked
    where deployment_id is not null
    group by service, deployment_id
) as incidents
    on
        deployments.service = incidents.service
        and deployments.deployment_id = incidents.deployment_id
where
    deployments.service = ?
    and deployments.environment = '${environment}'
    and deployments.deployed_date >= ?
    and deployments.deployed_date < ?
order by deployments.is_failed desc, deployments.deployed_at, deployments.deployment_id
