with

four_keys as (

    select * from ${mart}.int_four_keys
    where grain = 'day'

)

select * except (grain)

from four_keys
