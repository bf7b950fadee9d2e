with

repositories as (

    select * from ${raw}.ghes_repositories

),

claimed as (

    select distinct repository

    from ${mart}.stg_repositories

),

-- the number of a repository survives renames: of its names, the one that a service has is in use
named as (

    select
        repositories.host,
        repositories.id,
        repositories.repository,
        claimed.repository is not null as is_claimed

    from repositories
    left join claimed
        on repositories.repository = claimed.repository
    where repositories.id is not null

)

select
    earlier.repository as earlier_repository,
    min(named.repository) as repository

from named as earlier
inner join named
    on
        earlier.host = named.host
        and earlier.id = named.id
where
    named.is_claimed
    and not earlier.is_claimed
group by earlier.repository
