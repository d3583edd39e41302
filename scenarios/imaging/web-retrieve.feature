# language: zh-CN
@接口-PACS-WEB
功能: 经 DICOMweb 查询与取回
  负责人: 影像接口组
  QIDO-RS 完整、不丢不重、中文逐码点一致；WADO-RS 逐像素、逐项一致。

  @REQ-IMG-032 @冒烟 @id-img-web-wado-exact
  场景: C-STORE 存入的序列经 WADO 逐像素取回
    假如 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 5秒内以WADO取回的检查“检1”应与发送的逐像素一致

  @REQ-IMG-032 @id-img-web-metadata
  场景: 生僻字姓名的元数据逐项一致
    假如 患者“甲”的姓名类别为“生僻字”
    而且 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 5秒内检查“检1”的WADO元数据应与发送的文件头逐项一致

  @REQ-IMG-032 @extended @id-img-web-metadata-escapes
  场景: ISO 2022 IR 58 的对象，元数据里没有转义序列
    假如 设备“老式CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 5秒内检查“检1”的WADO元数据应与发送的文件头逐项一致

  @REQ-IMG-032 @extended @id-img-web-frames
  场景: 多帧图像按帧取回，帧号从1起，次序照请求
    假如 设备“超声动态”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 5秒内检查“检1”逐帧取回的像素应与发送的一致

  @REQ-IMG-032 @extended @id-img-web-syntaxes
  场景: 取回的传输语法照 Accept，不写时为显式小端
    假如 设备“老式CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“传输语法”
    而且 设备为检查“检1”试验DICOMweb的“不能接受的类型”
    那么 DICOMweb试验“传输语法”的结果应为“explicit implicit explicit”
    而且 DICOMweb试验“不能接受的类型”的结果应为“406”

  @REQ-IMG-032 @extended @id-img-web-single
  场景: 只取一幅时也是多部分，并写明传输语法
    假如 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“单幅”
    而且 设备为检查“检1”试验DICOMweb的“语法参数”
    那么 DICOMweb试验“单幅”的结果应为“multipart/related 1”
    而且 DICOMweb试验“语法参数”的结果应为“named”

  @REQ-IMG-032 @id-img-web-unknown
  场景: 未知的检查取回得404，查询得不到匹配
    假如 设备“DR”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“未知的检查”
    那么 DICOMweb试验“未知的检查”的结果应为“404 0”
    而且 5秒内以WADO取回的检查“检1”应与发送的逐像素一致

  @REQ-IMG-033 @extended @id-img-web-qido-names
  场景大纲: <类别>姓名经 QIDO 逐字一致，也能按姓名查到
    假如 患者“甲”的姓名类别为“<类别>”
    而且 设备“<设备>”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 5秒内以QIDO查询PACS，检查“检1”的身份与幅数应逐字一致
    而且 5秒内以QIDO按中文姓名查询PACS应找到检查“检1”

    例子:
      | 类别   | 设备   |
      | 普通   | CT     |
      | 尾字节 | CT     |
      | 生僻字 | 磁共振 |
      | 普通   | 老式CT |

  @REQ-IMG-033 @extended @id-img-web-qido-pages
  场景: 分页查询每幅恰好出现一次，各条路径看到同样的序列与图像
    假如 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备以STOW把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“分页”
    而且 设备为检查“检1”试验DICOMweb的“各级”
    那么 DICOMweb试验“分页”的结果应为“whole”
    而且 DICOMweb试验“各级”的结果应为“whole”

  @REQ-IMG-033 @extended @id-img-web-qido-keys
  场景: 通配符、范围、列表与按编号的键只找到该找到的
    假如 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“查询键”
    那么 DICOMweb试验“查询键”的结果应为“sound”

  @REQ-IMG-036 @extended @id-img-web-rendered
  场景: 图像可以渲染，再取一次也可以
    假如 设备“DR”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    而且 设备为检查“检1”试验DICOMweb的“渲染”
    那么 DICOMweb试验“渲染”的结果应为“a picture”
