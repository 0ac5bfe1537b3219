const zh = {
  title: "系统管理",
  nothing_yours: "您的角色没有可管理的内容。需要时请管理员为您添加角色。",
  groups: {
    people: "人员",
    calling: "外呼",
    content: "内容",
    keeping: "保存与运行",
  },
  parts: {
    users: { title: "用户与角色", about: "谁可以登录、能做什么、属于哪些科室。" },
    skills: { title: "技能与队列", about: "每位坐席会的语言、方言和技能，以及接哪些队列。" },
    log_ins: { title: "登录记录", about: "谁在线、何时登录、登录失败多少次。" },
    queues: { title: "队列", about: "每个队列的全部规则，暂停与恢复。" },
    calendar: { title: "节假日", about: "全年日历：节假日、调休上班日。" },
    windows: { title: "可呼叫时段", about: "每个地区每天几点到几点可以呼叫，以及呼叫次数上限。" },
    duty: { title: "值班表", about: "谁在值班、谁代班、哪里没有人。" },
    trunks: { title: "线路与主叫号码", about: "线路状态、测试呼叫、各主叫号码的接通率。" },
    retention: { title: "录音保存", about: "保存多久、哪些将被销毁（试算）、销毁证明。" },
    holds: { title: "法律保全", about: "被保全的录音不会销毁；解除需要两个人。" },
    audit: { title: "审计日志", about: "谁在何时看了谁的资料、做了什么，以及日志是否完整。" },
    health: { title: "系统健康", about: "进程、引擎、磁盘、时钟、搁置的任务。" },
    imports: { title: "名单导入", about: "预览、对应列、查重、修正号码、撤销。" },
    templates: { title: "随访方案", about: "第几天联系患者，以及某一天会生成哪些任务。" },
    forms: { title: "表单", about: "题目、分支、两种语言，以及试填。" },
    flows: { title: "提醒流程", about: "自动外呼的步骤，以及试走。" },
    feeds: { title: "接口", about: "收到的消息、搁置的消息、未对应的编码。" },
    messages: { title: "短信模板", about: "发给患者的短信与邮件。" },
  },
};

export default zh;
